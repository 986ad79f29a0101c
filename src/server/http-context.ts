import type { Callbacks } from './callback/callbacks.ts';
import { decideConnect, notifyDisconnect } from './connect.ts';
import type { ServerCore } from './core.ts';
import { HttpProblem } from './http-problem.ts';
import type { OperationProtocol, SessionEvent } from './options.ts';
import type { RequestHead } from './request-head.ts';
import type { SessionLease } from './sessions/session-lease.ts';
import type { SseReservations } from './sse-reservations.ts';
import type { StreamRegistry } from './stream-registry.ts';

/** An HTTP request as an adapter hands it over. */
export interface HttpRequest extends RequestHead {
  /** What hooks and contexts are shown, and may keep for as long as they like. @defaultValue a copy of the request's own members */
  readonly head?: RequestHead;
  /**
   * Reads the body as UTF-8 text.
   *
   * @remarks
   * Stops reading and resolves with `too-big` as soon as more than `maximumBytes` came.
   */
  body(maximumBytes: number): Promise<{ readonly text: string } | 'too-big'>;
  /**
   * The body in pieces, in place of `body`, for requests with files: without it there are none.
   *
   * @remarks
   * A piece is read when somebody asks for it, so that who reads slowly makes the client wait. Rejects if the client leaves. The iterator may be returned
   * before the end, also after the answer has begun; what the client still sends is then the adapter's to discard.
   */
  chunks?(): AsyncIterable<Uint8Array>;
  /** Aborted when the client leaves before its answer has begun; of a stream that has begun its events tell. */
  readonly signal?: AbortSignalLike;
}

/** What we read of an `AbortSignal`. */
export interface AbortSignalLike {
  readonly aborted: boolean;
  addEventListener(
    type: 'abort',
    listener: () => void,
    options?: { readonly once?: boolean },
  ): void;
  removeEventListener(type: 'abort', listener: () => void): void;
}

/** What serves HTTP requests. */
export interface HttpContext {
  readonly core: ServerCore;
  readonly streams: StreamRegistry;
  readonly reservations: SseReservations;
  readonly callbacks: Callbacks;
}

/** Something to be done once a session has ended. */
export interface SessionEnding {
  /** @param code - as a WebSocket would have it */
  end(code?: number): void;
}

/** The session of one HTTP request that the connect hook accepted. */
export class HttpSession implements SessionEnding {
  readonly event: SessionEvent<object>;
  readonly lease: SessionLease;
  readonly #core: ServerCore;
  #hasEnded = false;

  constructor(core: ServerCore, event: SessionEvent<object>, lease: SessionLease) {
    this.#core = core;
    this.event = event;
    this.lease = lease;
  }

  /** What is left to be done at its end, without the request unless somebody wants to be told of it. */
  get ending(): SessionEnding {
    return this.#core.options.onDisconnect ? this : this.lease;
  }

  /** Tells the disconnect hook. Ending it twice is harmless. */
  end(code = 1000): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.lease.end();
    notifyDisconnect(this.#core, { ...this.event, code, reason: '' });
  }
}

/** Runs the connect hook for one HTTP request; throws {@link HttpProblem} if it says no. */
export async function connectOverHttp(
  core: ServerCore,
  httpRequest: HttpRequest,
  protocol: OperationProtocol,
): Promise<HttpSession> {
  const request = toHead(httpRequest);
  const decision = await decideConnect(core, { request, protocol, connectionParams: {} });
  switch (decision.kind) {
    case 'failed':
      throw internalError();
    case 'refused':
      throw new HttpProblem(decision.error ?? 'FORBIDDEN', decision.reason ?? 'Forbidden');
    case 'accepted':
      return new HttpSession(
        core,
        { session: decision.session, request, protocol },
        decision.lease,
      );
  }
}

/** The problem of a request that met a failure of the host program, which its reporter knows. */
export function internalError(): HttpProblem {
  return new HttpProblem('INTERNAL_SERVER_ERROR', 'Internal server error');
}

/** A context may live as long as a stream: it must not hold what the request was read from. */
function toHead(request: HttpRequest): RequestHead {
  if (request.head) return request.head;
  const { method, url, headers, remoteAddress } = request;
  return { method, url, headers, ...(remoteAddress !== undefined && { remoteAddress }) };
}
