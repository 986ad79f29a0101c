import { comment, utf8Length } from '../protocol/index.ts';
import type { Instant, OperationRequest } from '../vocabulary.ts';
import { never } from '../vocabulary.ts';
import type { Place } from './capacity.ts';
import type { ServerCore } from './core.ts';
import type { Waiting } from './deadlines.ts';
import type { HttpSession } from './http-context.ts';
import { HttpProblem, toHttpProblem } from './http-problem.ts';
import type { HttpOperation } from './http-request.ts';
import type { HttpResponse } from './http-response.ts';
import { limitError } from './admission.ts';
import { OperationQuota } from './operation-quota.ts';
import { OperationRun } from './operation-run.ts';
import type { Counted, CountedConnection } from './principals.ts';
import { SseOperation } from './sse-operation.ts';
import { sessionError } from './sessions/session-error.ts';
import type { SessionEnd, SessionHolder } from './sessions/session-lease.ts';
import type { StreamOwner } from './stream-session.ts';
import { StreamSession } from './stream-session.ts';

/** What a {@link Reservation} begins with. */
export interface ReservationOptions {
  readonly token: string;
  /** Of the request that reserved the stream. */
  readonly session: HttpSession;
  /** Whose stream it is; `undefined` if nobody in particular has it. */
  readonly owner: string | undefined;
  readonly counted: CountedConnection;
  /** Called once, when the response that carries the stream begins. */
  readonly onOpen: () => void;
  /** Called once, when the token means nothing any more. */
  readonly onGone: () => void;
}

const framing = { opening: comment, heartbeat: comment } as const;

/** An operation that was asked for and has not ended. */
interface Running {
  readonly operation: SseOperation;
  readonly run: OperationRun;
  readonly session: HttpSession;
  readonly counted: Counted;
}

/**
 * One stream of the single connection mode with its operations; it ends with all of them when it is not opened in time, left by its client, or cut.
 *
 * @remarks
 * Results that come before it is opened wait, within the bounds of a slow reader.
 */
export class Reservation implements StreamOwner, Waiting, SessionHolder {
  readonly framing = framing;
  readonly token: string;
  readonly owner: string | undefined;
  slot: number | undefined = undefined;
  readonly #core: ServerCore;
  readonly #options: ReservationOptions;
  readonly #stream: StreamSession;
  readonly #quota: OperationQuota;
  readonly #running = new Map<string, Running>();
  #idBytes = 0;
  #expiresAt: Instant;
  #place: Place | undefined;
  /** Nothing is executed any more: the session of the stream is over. */
  #isClosed = false;

  constructor(core: ServerCore, options: ReservationOptions) {
    const now = core.clock.now();
    this.token = options.token;
    this.owner = options.owner;
    this.#core = core;
    this.#options = options;
    this.#expiresAt = now + core.limits.reservationMs;
    this.#quota = new OperationQuota(core, now);
    this.#stream = new StreamSession(core, this);
    core.deadlines.watch(this);
    options.session.lease.hold(this);
  }

  get deadline(): Instant {
    return this.#expiresAt;
  }

  /** Operations that have not ended. */
  get operationCount(): number {
    return this.#running.size;
  }

  get isBusy(): boolean {
    return [...this.#running.values()].some(({ operation }) => operation.policy === 'keep');
  }

  /** Gives the stream to the one response that may carry it; throws {@link HttpProblem} if another does. */
  open(): StreamSession {
    const { capacity, deadlines } = this.#core;
    if (this.#place) throw new HttpProblem('STREAM_ALREADY_OPEN', 'this stream is open already');
    this.#place = capacity.enter();
    if (!this.#place) {
      const { message } = limitError('AT_CAPACITY', 'connections', capacity.connections);
      throw new HttpProblem('AT_CAPACITY', message);
    }
    this.#expiresAt = never;
    deadlines.forget(this);
    this.#options.onOpen();
    return this.#stream;
  }

  /**
   * Runs an operation within `session`, which ends with it. Resolves with the answer to the request as soon as it is known whether the operation is
   * executed; throws {@link HttpProblem} if it is not even tried.
   */
  execute({ method, request }: HttpOperation, session: HttpSession): Promise<HttpResponse> {
    const id = request.extensions?.['operationId'];
    if (typeof id !== 'string' || id === '') {
      throw new HttpProblem('BAD_REQUEST', '`extensions.operationId` must be a non-empty string');
    }
    const counted = this.#admit(id);
    // what waits of a predecessor that has ended would be taken for its own
    this.#stream.forget((reader) => reader.id === id);
    return new Promise((resolve) => {
      const operation = new SseOperation(this.#core, {
        id,
        method,
        stream: this.#stream,
        respond: resolve,
        onEnd: () => this.#release(id),
      });
      const admission = { objection: operation.objectionTo };
      const work = { session: session.event, request: withoutId(request), admission };
      const run = new OperationRun(this.#core, work, operation);
      this.#running.set(id, { operation, run, session, counted });
      session.lease.hold(this.#holderOf(id));
      this.#idBytes += utf8Length(id);
      if (this.#running.has(id)) void run.start(); // never rejects
    });
  }

  /** Ends an operation because its client wants it; an id that nothing runs under is nobody's fault. */
  stop(id: string): void {
    const running = this.#release(id);
    running?.run.cancel();
    running?.operation.stopped();
  }

  /** Ends every operation with the reason, and then the stream. */
  endSession(end: SessionEnd): boolean {
    const wasOpen = !this.#isClosed;
    this.#isClosed = true;
    for (const id of this.#running.keys()) this.#fail(id, end);
    this.#stream.end();
    return wasOpen;
  }

  /** Its client left, or the server stops. */
  cut(): void {
    this.#stream.cut();
  }

  tick(): void {
    this.cut();
  }

  /** Its stream is gone. */
  gone(): void {
    this.#expiresAt = never;
    this.#core.deadlines.forget(this);
    for (const id of this.#running.keys()) this.stop(id);
    this.#place?.leave();
    this.#options.counted.leave();
    this.#options.onGone();
    this.#options.session.end();
  }

  /** What the session of one operation ends: that alone. */
  #holderOf(id: string): SessionHolder {
    return {
      isBusy: false,
      cut: () => {}, // its stream is
      endSession: (end) => this.#fail(id, end),
    };
  }

  /** Returns whether it was running. */
  #fail(id: string, end: SessionEnd): boolean {
    const running = this.#running.get(id);
    if (!running) return false;
    const { run, operation } = running;
    run.cancel();
    this.#stream.forget((reader) => reader === operation);
    operation.error([sessionError(end)]);
    return true;
  }

  #admit(id: string): Counted {
    if (this.#isClosed) {
      throw new HttpProblem('STREAM_NOT_FOUND', 'the session of this stream is over');
    }
    if (this.#running.has(id)) {
      throw new HttpProblem('OPERATION_ALREADY_EXISTS', 'an operation with this id is running');
    }
    const count = this.#running.size + 1;
    const idBytes = this.#idBytes + utf8Length(id);
    const refusal = this.#quota.refuse(id, count, idBytes, this.#core.clock.now());
    if (refusal) throw toHttpProblem(refusal);
    const counting = this.#options.counted.startOperation();
    if (counting.kind === 'refused') throw toHttpProblem(counting.error);
    return counting.counted;
  }

  #release(id: string): Running | undefined {
    const running = this.#running.get(id);
    if (!running) return undefined;
    this.#running.delete(id);
    this.#idBytes -= utf8Length(id);
    running.counted.leave();
    running.session.end();
    return running;
  }
}

/** The request as other transports carry it: without what names it on its stream, and without extensions that say nothing else. */
function withoutId({ extensions = {}, ...request }: OperationRequest): OperationRequest {
  const { operationId: _id, ...others } = extensions;
  return Object.keys(others).length === 0 ? request : { ...request, extensions: others };
}
