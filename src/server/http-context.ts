import { decideConnect, notifyDisconnect } from './connect.ts';
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

/** The session of one HTTP request that the connect hook accepted. */
export interface HttpSession {
  readonly event: SessionEvent<object>;
  /** Tells the disconnect hook. Ending it twice is harmless. */
  end(code?: number): void;
}

/** Runs the connect hook for one HTTP request; throws {@link HttpProblem} if it says no. */
export async function connectOverHttp(
  core: ServerCore,
  request: RequestHead,
  protocol: OperationProtocol,
): Promise<HttpSession> {
  const decision = await decideConnect(core, { request, protocol, connectionParams: {} });
  switch (decision.kind) {
    case 'failed':
      throw internalError();
    case 'refused':
      throw new HttpProblem('FORBIDDEN', decision.reason ?? 'Forbidden');
    case 'accepted':
      return toHttpSession(core, { session: decision.session, request, protocol });
  }
}

/** The problem of a request that met a failure of the host program, which its reporter knows. */
export function internalError(): HttpProblem {
  return new HttpProblem('INTERNAL_SERVER_ERROR', 'Internal server error');
}

function toHttpSession(core: ServerCore, event: SessionEvent<object>): HttpSession {
  let hasEnded = false;
  return {
    event,
    end(code = 1000) {
      if (hasEnded) return;
      hasEnded = true;
      notifyDisconnect(core, { ...event, code, reason: '' });
    },
  };
}
