import { defaultLimits } from './limits.ts';
import type { Limits } from './limits.ts';

/** A connection's place among those that a process can hold. */
export interface Place {
  /** Gives it to the next. Calling it twice is harmless. */
  leave(): void;
}

/** The place of a socket. */
export interface SocketPlace extends Place {
  /** The connect hook accepted the socket: it is not shed any more. */
  acknowledge(): void;
}

/** A socket that nobody vouched for yet. */
export interface Sheddable {
  /** Closes it to make room; its client may come back. */
  shed(): void;
}

/** What a client waits before it asks a full server again. */
const retryAfterSeconds = 5;

/** Headers of the answer 503 of a server that is full. */
export const retryLater: Readonly<Record<string, string>> = {
  'retry-after': String(retryAfterSeconds),
};

/**
 * The connections of one server, sockets and open response streams, and how many more its process can hold.
 *
 * @remarks
 * Sockets that were not acknowledged have a share of their own, so that peers who never say who they are cannot keep out those who do: above it
 * the oldest of them is shed, never an acknowledged one.
 */
export class Capacity {
  readonly #given: Pick<Limits, 'connections' | 'unacknowledgedConnections'>;
  readonly #unacknowledged = new Set<Sheddable>();
  #assumed: number = defaultLimits.connections;
  #taken = 0;

  /** @param given - what the options say; it goes before {@link Capacity.assume} */
  constructor(given: Pick<Limits, 'connections' | 'unacknowledgedConnections'> = {}) {
    this.#given = given;
  }

  /** Connections that may be open. */
  get connections(): number {
    return this.#given.connections ?? this.#assumed;
  }

  /** Sockets among them that may wait to be acknowledged: a tenth, but not less than the default. */
  get unacknowledgedConnections(): number {
    return (
      this.#given.unacknowledgedConnections ??
      Math.max(defaultLimits.unacknowledgedConnections, Math.floor(this.connections / 10))
    );
  }

  /** Connections that are open. */
  get taken(): number {
    return this.#taken;
  }

  /** Sockets among them that were not acknowledged. */
  get unacknowledged(): number {
    return this.#unacknowledged.size;
  }

  get isFull(): boolean {
    return this.#taken >= this.connections;
  }

  /** Says how many connections the process can hold, which only its adapter can find out. */
  assume(connections: number): void {
    this.#assumed = connections;
  }

  /** A place for a response stream; nothing if all are taken. */
  enter(): Place | undefined {
    return this.isFull ? undefined : this.#take(undefined);
  }

  /**
   * A place for a socket, above the limit as well: whether there is one was asked before its upgrade ({@link Capacity.isFull}).
   */
  enterSocket(socket: Sheddable): SocketPlace {
    const place = this.#take(socket);
    this.#unacknowledged.add(socket);
    this.#shedBefore(socket);
    return place;
  }

  #take(socket: Sheddable | undefined): TakenPlace {
    this.#taken += 1;
    return new TakenPlace(this, socket);
  }

  /** For the places: gives one back. */
  giveBack(socket: Sheddable | undefined): void {
    this.acknowledge(socket);
    this.#taken -= 1;
  }

  /** For the places: nothing is shed any more to make room for others. */
  acknowledge(socket: Sheddable | undefined): void {
    if (socket) this.#unacknowledged.delete(socket);
  }

  #shedBefore(newest: Sheddable): void {
    for (const oldest of this.#unacknowledged) {
      if (this.#unacknowledged.size <= this.unacknowledgedConnections || oldest === newest) return;
      // its place stays taken until it is gone
      this.#unacknowledged.delete(oldest);
      oldest.shed();
    }
  }
}

/** One object and no functions of its own, because there is one for each connection. */
class TakenPlace implements SocketPlace {
  #capacity: Capacity | undefined;
  readonly #socket: Sheddable | undefined;

  constructor(capacity: Capacity, socket: Sheddable | undefined) {
    this.#capacity = capacity;
    this.#socket = socket;
  }

  acknowledge(): void {
    this.#capacity?.acknowledge(this.#socket);
  }

  leave(): void {
    this.#capacity?.giveBack(this.#socket);
    this.#capacity = undefined;
  }
}
