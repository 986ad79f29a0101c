import { comment, singleFraming } from '../protocol/index.ts';
import type { Instant } from '../vocabulary.ts';
import { never } from '../vocabulary.ts';
import { notifyDisconnect } from './connect.ts';
import type { ServerCore } from './core.ts';
import type { Waiting } from './deadlines.ts';
import { HttpProblem } from './http-problem.ts';
import type { OperationRun, ResultSink } from './operation-run.ts';
import type { SessionEvent } from './options.ts';
import { StreamSession } from './stream-session.ts';

/** Bytes of randomness in a token: whoever has it reads the stream. */
const tokenBytes = 24;

/** The streams of the single connection mode: reserved by one request, opened by another, used by any number. */
export class SseReservations {
  readonly #core: ServerCore;
  readonly #reservations = new Map<string, Reservation>();

  constructor(core: ServerCore) {
    this.#core = core;
  }

  get size(): number {
    return this.#reservations.size;
  }

  /** Operations on all streams that have not ended. */
  get operationCount(): number {
    return [...this.#reservations.values()].reduce(
      (sum, { operationCount }) => sum + operationCount,
      0,
    );
  }

  /** Reserves a stream for whoever `event` describes; throws {@link HttpProblem} if too many wait to be opened. */
  reserve(event: SessionEvent<object>): Reservation {
    const { reservations } = this.#core.limits;
    const waiting = [...this.#reservations.values()].filter(({ isOpen }) => !isOpen).length;
    if (waiting >= reservations) {
      throw new HttpProblem(
        'TOO_MANY_RESERVATIONS',
        `limits.reservations of ${reservations} exceeded`,
        { 'retry-after': '1' },
      );
    }
    const token = createToken();
    const reservation = new Reservation(this.#core, {
      token,
      event,
      onGone: () => this.#reservations.delete(token),
    });
    this.#reservations.set(token, reservation);
    return reservation;
  }

  has(token: string): boolean {
    return this.#reservations.has(token);
  }

  /** The stream that `token` names; throws {@link HttpProblem} if there is none. */
  find(token: string): Reservation {
    const reservation = this.#reservations.get(token);
    if (reservation) return reservation;
    throw new HttpProblem('STREAM_NOT_FOUND', 'no stream is reserved under this token');
  }

  cutAll(): void {
    for (const reservation of this.#reservations.values()) reservation.cut();
  }
}

interface ReservationOptions {
  readonly token: string;
  readonly event: SessionEvent<object>;
  readonly onGone: () => void;
}

/** One stream with its operations; it ends with all of them when it is not opened in time, closed by its client, or cut. */
export class Reservation implements Waiting {
  readonly token: string;
  readonly #core: ServerCore;
  readonly #options: ReservationOptions;
  readonly #session: StreamSession;
  readonly #runs = new Map<string, OperationRun>();
  #expiresAt: Instant;
  #isOpen = false;

  constructor(core: ServerCore, options: ReservationOptions) {
    this.token = options.token;
    this.#core = core;
    this.#options = options;
    this.#expiresAt = core.clock.now() + core.limits.reservationMs;
    this.#session = new StreamSession(core, {
      opening: comment,
      heartbeat: comment,
      onGone: () => this.#end(),
    });
    core.deadlines.watch(this);
  }

  get deadline(): Instant {
    return this.#expiresAt;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  get operationCount(): number {
    return this.#runs.size;
  }

  /** Gives the stream to the one response that may carry it; throws {@link HttpProblem} if another does. */
  open(): StreamSession {
    if (this.#isOpen) throw new HttpProblem('STREAM_ALREADY_OPEN', 'this stream is open already');
    this.#isOpen = true;
    this.#expiresAt = never;
    this.#core.deadlines.forget(this);
    return this.#session;
  }

  /** Throws {@link HttpProblem} for an id that is in use. */
  assertFree(id: string): void {
    if (!this.#runs.has(id)) return;
    throw new HttpProblem('OPERATION_ALREADY_EXISTS', 'an operation with this id is running');
  }

  add(id: string, run: OperationRun): void {
    this.#runs.set(id, run);
  }

  /** Forgets `run`, and not one that has its id by now. */
  release(id: string, run: OperationRun): void {
    if (this.#runs.get(id) === run) this.#runs.delete(id);
  }

  /** Stops an operation; one that is not there is none. */
  stop(id: string): void {
    const run = this.#runs.get(id);
    this.#runs.delete(id);
    run?.cancel();
  }

  /** Where the results of the operation go once it was accepted. */
  sinkFor(id: string, onEnd: () => void): ResultSink {
    return {
      next: (resultText) => this.#session.write(singleFraming.result(id, resultText)),
      error: (errors) => {
        onEnd();
        this.#session.write(singleFraming.error(id, errors));
      },
      complete: () => {
        onEnd();
        this.#session.write(singleFraming.complete(id));
      },
      room: () => this.#session.room(),
    };
  }

  /** Its client left, or the server stops. */
  cut(): void {
    this.#session.cut();
  }

  tick(): void {
    this.cut();
  }

  #end(): void {
    this.#expiresAt = never;
    this.#core.deadlines.forget(this);
    this.#options.onGone();
    for (const run of this.#runs.values()) run.cancel();
    this.#runs.clear();
    notifyDisconnect(this.#core, { ...this.#options.event, code: 1000, reason: '' });
  }
}

/** URL-safe, from the runtime's cryptographic source. */
function createToken(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(tokenBytes));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
