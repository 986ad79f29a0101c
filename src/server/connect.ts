import type { ServerCore } from './core.ts';
import type { ConnectEvent, DisconnectEvent, ServerOptions, SessionMembers } from './options.ts';
import { isRefusal } from './refusal.ts';

/** What became of a connection attempt. */
export type ConnectDecision =
  | AcceptedConnect
  | { readonly kind: 'refused'; readonly reason?: string }
  | { readonly kind: 'failed' };

/** What the connect hook said yes with. */
export interface AcceptedConnect {
  readonly kind: 'accepted';
  readonly session: object;
  readonly ackPayload?: Readonly<Record<string, unknown>>;
}

/** Asks the connect hook, once per socket or HTTP request. Never rejects: a hook that throws makes the attempt `failed`. */
export async function decideConnect(
  core: ServerCore,
  event: ConnectEvent,
): Promise<ConnectDecision> {
  rememberAddress(core, event);
  try {
    return toDecision(await core.options.onConnect?.(event));
  } catch (error) {
    if (isRefusal(error)) return toDecision(error);
    core.report(error, 'onConnect');
    return { kind: 'failed' };
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

function toDecision(answer: unknown): ConnectDecision {
  // null is no session, and what a search for a user gives that found none
  if (answer === false || answer === null) return { kind: 'refused' };
  if (isRefusal(answer))
    return { kind: 'refused', ...(typeof answer.reason === 'string' && { reason: answer.reason }) };
  if (typeof answer !== 'object') return { kind: 'accepted', session: {} };
  const { ackPayload }: SessionMembers = answer;
  return { kind: 'accepted', session: answer, ...(ackPayload && { ackPayload }) };
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
