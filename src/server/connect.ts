import { UsageError } from '../errors.ts';
import type { Instant } from '../vocabulary.ts';
import { never } from '../vocabulary.ts';
import type { ServerCore } from './core.ts';
import type { ConnectEvent, DisconnectEvent, ServerOptions, SessionMembers } from './options.ts';
import { isRefusal } from './refusal.ts';
import type { SessionEnd, SessionLease } from './sessions/session-lease.ts';

/** What became of a connection attempt. */
export type ConnectDecision =
  | AcceptedConnect
  | {
      readonly kind: 'refused';
      readonly reason?: string;
      /** If not the hook refused, but the session that it gave is over. */
      readonly error?: SessionEnd;
    }
  | { readonly kind: 'failed' };

/** What the connect hook said yes with. */
export interface AcceptedConnect {
  readonly kind: 'accepted';
  readonly session: object;
  /** To be held by what lives by the session, and to be ended with it. */
  readonly lease: SessionLease;
  readonly ackPayload?: Readonly<Record<string, unknown>>;
}

/** Asks the connect hook, once per socket or HTTP request. Never rejects: a hook that throws makes the attempt `failed`. */
export async function decideConnect(
  core: ServerCore,
  event: ConnectEvent,
): Promise<ConnectDecision> {
  rememberAddress(core, event);
  // whoever came before revocations are heard of would not be reached by one
  const { opened } = core.revocations;
  if (opened) await opened;
  const attempt = core.sessions.begin();
  try {
    return toDecision(core, await core.options.onConnect?.(event), (session, expiresAt) =>
      attempt.accept(session, expiresAt),
    );
  } catch (error) {
    if (isRefusal(error)) return toRefused(error);
    core.report(error, 'onConnect');
    return { kind: 'failed' };
  } finally {
    attempt.abandon();
  }
}

/** What is shown the request of a connection, perhaps when its peer is gone. */
const shownRequests = [
  'onConnect',
  'onSubscribe',
  'onNext',
  'onError',
  'onComplete',
  'onDisconnect',
  'context',
  'cost',
] as const satisfies readonly (keyof ServerOptions)[];

/** Adapters look an address up when it is first asked for, and then it may be too late. */
function rememberAddress({ options }: ServerCore, { request }: ConnectEvent): void {
  if (shownRequests.some((name) => options[name])) void request.remoteAddress;
}

function toDecision(
  core: ServerCore,
  answer: unknown,
  accept: (session: object, expiresAt: Instant) => SessionLease | undefined,
): ConnectDecision {
  // null is no session, and what a search for a user gives that found none
  if (answer === false || answer === null) return { kind: 'refused' };
  if (isRefusal(answer)) return toRefused(answer);
  const session = typeof answer === 'object' ? answer : {};
  const { ackPayload, expiresAt }: SessionMembers = session;
  const expiry = toInstant(core, expiresAt);
  if (expiry <= core.clock.now()) return over('CREDENTIALS_EXPIRED', 'Credentials expired');
  const lease = accept(session, expiry);
  if (!lease) return over('SESSION_REVOKED', 'Session revoked');
  return { kind: 'accepted', session, lease, ...(ackPayload && { ackPayload }) };
}

function toRefused({ reason }: { readonly reason?: unknown }): ConnectDecision {
  return { kind: 'refused', ...(typeof reason === 'string' && { reason }) };
}

function over(error: SessionEnd, reason: string): ConnectDecision {
  return { kind: 'refused', reason, error };
}

/** Earlier than this is a number of seconds; it was in March 1973. */
const leastMilliseconds = 100_000_000_000;

/** On the clock of the server; throws {@link UsageError} for what names no instant. */
function toInstant({ clock, sessions }: ServerCore, expiresAt: unknown): Instant {
  if (expiresAt === undefined) return never;
  const at = expiresAt instanceof Date ? expiresAt.getTime() : expiresAt;
  const isUsable =
    typeof at === 'number' &&
    !Number.isNaN(at) &&
    (expiresAt instanceof Date || at >= leastMilliseconds);
  if (isUsable) return clock.now() + (at - sessions.now());
  throw new UsageError(
    '`expiresAt` of a session is a Date, or a number of milliseconds (not seconds) since 1970',
  );
}

/** Tells the disconnect hook; its failure goes to the reporter. */
export function notifyDisconnect(core: ServerCore, event: DisconnectEvent<object>): void {
  if (!core.options.onDisconnect) return;
  const notify = async (): Promise<void> => {
    try {
      await core.options.onDisconnect?.(event);
    } catch (error) {
      core.report(error, 'onDisconnect');
    }
  };
  void notify(); // handles its own failure
}
