import { ProtocolViolation } from '../../errors.ts';
import type { FormattedError, OperationRequest } from '../../vocabulary.ts';
import { writeErrors } from '../errors-payload.ts';
import { isJsonObject } from '../json-frame.ts';
import type { CallbackMessage, CallbackSubscription } from './messages.ts';

/** Characters of a URL, id or verifier: each message carries the latter two. */
const memberLength = 4_096;

/** What a subscriber that says nothing of it gets, as from the publishers of others. */
const defaultIntervalMs = 5_000;

/** Whether a request asks for its results at a callback. */
export function hasCallback(extensions: OperationRequest['extensions']): boolean {
  const subscription = extensions?.['subscription'];
  return subscription !== undefined && subscription !== null;
}

/**
 * Reads `extensions.subscription`, in the spelling of the preview version as well; throws {@link ProtocolViolation} for what is not well formed.
 */
export function parseCallback(extensions: OperationRequest['extensions']): CallbackSubscription {
  const subscription = extensions?.['subscription'];
  if (!isJsonObject(subscription)) throw malformed('must be an object');
  const member = (name: string, earlierName: string): unknown =>
    subscription[name] ?? subscription[earlierName];
  return {
    callbackUrl: toUrl(toText(member('callbackUrl', 'callback_url'), 'callbackUrl')),
    subscriptionId: toText(member('subscriptionId', 'subscription_id'), 'subscriptionId'),
    verifier: toText(subscription['verifier'], 'verifier'),
    heartbeatIntervalMs: toInterval(member('heartbeatIntervalMs', 'heartbeat_interval_ms')),
  };
}

/** The extensions without the secret of the subscriber, which hooks have no use for and logs must not show. */
export function withoutVerifier(
  extensions: OperationRequest['extensions'] = {},
): Readonly<Record<string, unknown>> {
  const { subscription, ...others } = extensions;
  if (!isJsonObject(subscription)) return extensions;
  const { verifier: _verifier, ...shown } = subscription;
  return { ...others, subscription: shown };
}

/** The text of a message whose payload is not written yet. */
export function encodeMessage(
  subscription: CallbackSubscription,
  message: OwnMembers<CallbackMessage>,
): string {
  const { subscriptionId: id, verifier } = subscription;
  const { action, ...own } = message;
  return JSON.stringify({ kind: 'subscription', action, id, verifier, ...own });
}

/** The text around the JSON text of a result: it was written once for everybody who gets it. */
export function encodeNext(subscription: CallbackSubscription, resultText: string): string {
  const { subscriptionId: id, verifier } = subscription;
  const head = JSON.stringify({ kind: 'subscription', action: 'next', id, verifier });
  return `${head.slice(0, -1)},"payload":${resultText}}`;
}

/** The text of the last message, whatever the errors hold. */
export function encodeComplete(
  subscription: CallbackSubscription,
  errors: readonly FormattedError[] = [],
): string {
  if (errors.length === 0) return encodeMessage(subscription, { action: 'complete' });
  return writeErrors(errors, (all) =>
    encodeMessage(subscription, { action: 'complete', errors: all }),
  );
}

/** What a message says besides whose it is. */
type OwnMembers<Message> = Message extends unknown
  ? Omit<Message, 'kind' | 'id' | 'verifier'>
  : never;

function toText(value: unknown, name: string): string {
  if (typeof value === 'string' && value !== '' && value.length <= memberLength) return value;
  throw malformed(`.${name} must be a non-empty string of at most ${memberLength} characters`);
}

function toUrl(text: string): URL {
  if (!URL.canParse(text)) throw malformed('.callbackUrl must be an absolute URL');
  return new URL(text);
}

function toInterval(value: unknown): number {
  if (value === undefined || value === null) return defaultIntervalMs;
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw malformed('.heartbeatIntervalMs must be an integer, at least 0');
}

function malformed(what: string): ProtocolViolation {
  return new ProtocolViolation(
    'BAD_REQUEST',
    `\`extensions.subscription\`${what.startsWith('.') ? '' : ' '}${what}`,
  );
}
