import type { ServerCore } from './core.ts';
import type { HttpSession } from './http-context.ts';
import { internalError } from './http-context.ts';
import { HttpProblem, toHttpProblem } from './http-problem.ts';
import type { CountedConnection } from './principals.ts';
import { Reservation } from './sse-reservation.ts';

/** Bytes of randomness in a token: whoever has it reads the stream. */
const tokenBytes = 24;

/** The streams of the single connection mode: reserved by one request, opened by another, used by any number. */
export class SseReservations {
  readonly #core: ServerCore;
  readonly #reservations = new Map<string, Reservation>();
  /** Tokens of those that no response carries yet. */
  readonly #unopened = new Set<string>();
  #isClosed = false;

  constructor(core: ServerCore) {
    this.#core = core;
  }

  get size(): number {
    return this.#reservations.size;
  }

  /** Operations on all streams that have not ended. */
  get operationCount(): number {
    let count = 0;
    for (const { operationCount } of this.#reservations.values()) count += operationCount;
    return count;
  }

  /** Reserves a stream for whoever has `session`, which ends with it; throws {@link HttpProblem} if there are too many. */
  reserve(session: HttpSession): Reservation {
    if (this.#isClosed) throw new HttpProblem('GOING_AWAY', 'the server is closing');
    this.#assertRoom();
    const owner = this.#ownerOf(session);
    const counted = this.#count(session);
    const token = createToken();
    const reservation = new Reservation(this.#core, {
      token,
      session,
      owner,
      counted,
      onOpen: () => this.#unopened.delete(token),
      onGone: () => {
        this.#reservations.delete(token);
        this.#unopened.delete(token);
      },
    });
    this.#reservations.set(token, reservation);
    this.#unopened.add(token);
    return reservation;
  }

  has(token: string): boolean {
    return this.#reservations.has(token);
  }

  /** Throws {@link HttpProblem} unless `token` names a stream. */
  assertExists(token: string): void {
    if (!this.has(token)) throw notFound();
  }

  /** The stream that `token` names; throws {@link HttpProblem} if there is none, or if it is somebody else's. */
  find(token: string, session: HttpSession): Reservation {
    const reservation = this.#reservations.get(token);
    if (reservation && reservation.owner === this.#ownerOf(session)) return reservation;
    throw notFound();
  }

  all(): readonly Reservation[] {
    return [...this.#reservations.values()];
  }

  /** Lets nobody reserve another stream. */
  refuseNewcomers(): void {
    this.#isClosed = true;
  }

  /** Cuts every stream, and lets nobody reserve another. */
  cutAll(): void {
    this.refuseNewcomers();
    for (const reservation of this.#reservations.values()) reservation.cut();
  }

  #assertRoom(): void {
    const { reservations } = this.#core.limits;
    if (this.#unopened.size < reservations) return;
    throw new HttpProblem(
      'TOO_MANY_RESERVATIONS',
      `limits.reservations of ${reservations} exceeded`,
      {},
      { limit: 'reservations', maximum: reservations },
    );
  }

  #ownerOf({ event }: HttpSession): string | undefined {
    try {
      return this.#core.options.principal?.(event.session);
    } catch (error) {
      this.#core.report(error, 'principal');
      throw internalError();
    }
  }

  #count({ event }: HttpSession): CountedConnection {
    const counting = this.#core.principals.enter(event.session);
    switch (counting.kind) {
      case 'failed':
        throw internalError();
      case 'refused':
        throw toHttpProblem(counting.error);
      case 'counted':
        return counting.counted;
    }
  }
}

function notFound(): HttpProblem {
  return new HttpProblem('STREAM_NOT_FOUND', 'no stream is reserved under this token');
}

/** URL-safe, from the runtime's cryptographic source. */
function createToken(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(tokenBytes));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
