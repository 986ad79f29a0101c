import { decideConnect } from './connect.ts';
import type { ServerCore } from './core.ts';
import { HttpProblem } from './http-problem.ts';
import type { OperationProtocol, SessionEvent } from './options.ts';
import type { RequestHead } from './request-head.ts';
import type { SseReservations } from './sse-reservations.ts';
import type { StreamRegistry } from './stream-registry.ts';

/** An HTTP request as an adapter hands it over. */
export interface HttpRequest extends RequestHead {
  /**
   * Reads the body as UTF-8 text.
   *
   * @remarks
   * Stops reading and resolves with `too-big` as soon as more than `maximumBytes` came.
   */
  body(maximumBytes: number): Promise<{ readonly text: string } | 'too-big'>;
  /** Aborted when the client leaves before its answer has begun, or while it is a stream. */
  readonly signal?: AbortSignal;
}

/** What serves HTTP requests. */
export interface HttpContext {
  readonly core: ServerCore;
  readonly streams: StreamRegistry;
  readonly reservations: SseReservations;
}

/** Runs the connect hook for one HTTP request; throws {@link HttpProblem} if it says no. */
export async function connectOverHttp(
  core: ServerCore,
  request: RequestHead,
  protocol: OperationProtocol,
): Promise<SessionEvent<object>> {
  const decision = await decideConnect(core, { request, protocol, connectionParams: {} });
  switch (decision.kind) {
    case 'failed':
      throw new HttpProblem('INTERNAL_SERVER_ERROR', 'Internal server error');
    case 'refused':
      throw new HttpProblem('FORBIDDEN', decision.reason ?? 'Forbidden');
    case 'accepted':
      return { session: decision.session, request, protocol };
  }
}
