import { UsageError } from '../../errors.ts';
import type { Protocol } from '../../vocabulary.ts';
import { givenNumbers } from '../limits.ts';
import { createAllowList } from './allow-list.ts';
import type { AllowedUrls } from './allow-list.ts';

/** What is read of the answer to a callback. */
export interface CallbackResponseLike {
  readonly status: number;
  readonly headers: { get(name: string): string | null };
  readonly body: ReadableStream<Uint8Array> | null;
}

/** `fetch`, or what does the same; it must not follow redirects where `init` says so. */
export type CallbackFetch = (
  url: string,
  init: {
    readonly method: 'POST';
    readonly headers: Readonly<Record<string, string>>;
    readonly body: string;
    readonly redirect: 'manual';
    readonly signal: AbortSignal;
  },
) => Promise<CallbackResponseLike>;

/** Subscriptions over the HTTP callback protocol: where their events may be sent, how, and how many there may be. */
export interface CallbackOptions {
  /**
   * Where messages may be sent: a list, or a function that decides about each URL.
   *
   * @remarks
   * An entry is an origin (`http://router.internal:4000`), or a host with or without a port, which is then meant with `https`. A function is not asked
   * about literal private addresses unless `allowPrivateAddresses` is set; an entry of a list is permission enough.
   */
  readonly allow: readonly string[] | ((url: URL) => boolean);
  /** Whether a function may allow loopback, link-local and private addresses that are written as such. @defaultValue false */
  readonly allowPrivateAddresses?: boolean;
  /** What sends requests: one with an agent of your own bounds the connections to one host. @defaultValue the runtime's */
  readonly fetch?: CallbackFetch;
  /** Time for the answer to one request. @defaultValue 10_000 */
  readonly timeoutMs?: number;
  /** How often a message is sent before the subscription is given up; as many heartbeats in a row may fail. @defaultValue 5 */
  readonly attempts?: number;
  /** The pause after the first attempt that failed, twice as long after each further one; up to half of it is left to chance. @defaultValue 100 */
  readonly retryMinMs?: number;
  /** What no such pause is longer than. @defaultValue 1_000 */
  readonly retryMaxMs?: number;
  /** The shortest interval that a subscriber may ask for; 0, no heartbeats, is no interval. @defaultValue 1_000 */
  readonly heartbeatMinMs?: number;
  /** How often there is a heartbeat at least, whatever longer interval a subscriber asks for. @defaultValue 60_000 */
  readonly heartbeatMaxMs?: number;
  /** Time for what waits and the last message when the server closes, or the subscriber was too slow. @defaultValue 5_000 */
  readonly closingMs?: number;
  /** Subscriptions that have not ended. @defaultValue 10_000 */
  readonly subscriptions?: number;
  /** Those among them whose callback is at the same host and port. @defaultValue 1_000 */
  readonly subscriptionsPerHost?: number;
}

const defaults = {
  timeoutMs: 10_000,
  attempts: 5,
  retryMinMs: 100,
  retryMaxMs: 1_000,
  heartbeatMinMs: 1_000,
  heartbeatMaxMs: 60_000,
  closingMs: 5_000,
  subscriptions: 10_000,
  subscriptionsPerHost: 1_000,
} as const satisfies Partial<CallbackOptions>;

/** {@link CallbackOptions} with their defaults. */
export interface CallbackSettings extends Readonly<Record<keyof typeof defaults, number>> {
  readonly allows: AllowedUrls;
  readonly fetch: CallbackFetch;
}

/** Checks the options; `undefined` where the protocol is not spoken. Throws {@link UsageError} for what cannot work. */
export function toCallbackSettings(
  options: CallbackOptions | undefined,
  protocols: readonly Protocol[],
): CallbackSettings | undefined {
  const isSpoken = protocols.includes('callback');
  if (!options) {
    if (isSpoken) throw new UsageError("the protocol 'callback' needs the option callback.allow");
    return undefined;
  }
  if (!isSpoken) {
    throw new UsageError("the option `callback` has no effect unless protocols name 'callback'");
  }
  const { allow, allowPrivateAddresses = false, fetch = runtimeFetch, ...numbers } = options;
  return {
    ...defaults,
    ...givenNumbers('callback', numbers),
    allows: createAllowList(allow, allowPrivateAddresses ? 'private' : 'public'),
    fetch,
  };
}

/** Looked up at each call, so that a program may put another in its place. */
const runtimeFetch: CallbackFetch = (url, init) => globalThis.fetch(url, init);
