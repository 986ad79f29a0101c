import type { OperationRequest } from '../../vocabulary.ts';
import type { Connection, ResultSink } from '../transport.ts';
import { writeFailure } from './failure.ts';
import { sizeOf } from './messages.ts';
import type { GuestMessage, HostMessage, OperationMessage } from './messages.ts';

/** How a host reaches one tab. */
export interface TabPort {
  post(message: HostMessage): void;
  /** Behind what was posted. */
  close(): void;
}

/** What a {@link Seat} is made of. */
export interface SeatParts {
  readonly port: TabPort;
  /** What may wait in the tab before it is told one thing more. */
  readonly unreadBytes: number;
  /** More would wait than may: the tab is too slow, or frozen. */
  readonly overflowed: () => void;
}

type Start = Extract<GuestMessage, { readonly type: 'start' }>;

/** One tab at its host: what runs for it, and how much of what it was told it has not processed. */
export class Seat {
  readonly #parts: SeatParts;
  /** What stops each operation. */
  readonly #operations = new Map<number, () => void>();
  #unreadBytes = 0;
  #isOpen = true;

  constructor(parts: SeatParts) {
    this.#parts = parts;
  }

  /** Says something, unless too much waits already. */
  tell(message: HostMessage): void {
    if (!this.#isOpen) return;
    const { port, unreadBytes, overflowed } = this.#parts;
    if (this.#unreadBytes > unreadBytes) {
      overflowed();
      return;
    }
    this.#unreadBytes += sizeOf(message);
    port.post(message);
  }

  took(size: number): void {
    this.#unreadBytes = Math.max(0, this.#unreadBytes - size);
  }

  start(connection: Connection, { operation, kind, request }: Start): void {
    if (this.#operations.has(operation)) return;
    // it may end, or the tab be expelled, before there is something to stop
    this.#operations.set(operation, () => {});
    const parsed = JSON.parse(request) as OperationRequest; // as the tab's client gave it
    const stop = connection.start({ kind, request: parsed }, this.#toSink(operation));
    if (this.#operations.has(operation)) this.#operations.set(operation, stop);
    else stop();
  }

  stop(operation: number): void {
    const stop = this.#operations.get(operation);
    this.#operations.delete(operation);
    stop?.();
  }

  /** Stops what runs for it; the tab is told the last `message`, if there is one. */
  close(message?: HostMessage): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    for (const operation of this.#operations.keys()) this.stop(operation);
    if (message) this.#parts.port.post(message);
    this.#parts.port.close();
  }

  #toSink(operation: number): ResultSink {
    const end = (message: OperationMessage): void => {
      this.#operations.delete(operation);
      this.tell(message);
    };
    return {
      started: () => this.tell({ type: 'started', operation }),
      next: (result) => this.tell({ type: 'next', operation, result: JSON.stringify(result) }),
      error: (errors) => end({ type: 'error', operation, errors: JSON.stringify(errors) }),
      complete: () => end({ type: 'complete', operation }),
      failed: (failure) => end({ type: 'failed', operation, failure: writeFailure(failure) }),
    };
  }
}
