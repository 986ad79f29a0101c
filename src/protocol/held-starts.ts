import type { ServerOutput } from './connection.ts';
import type { RunningOperation } from './running-operation.ts';
import type { OperationRequest } from '../vocabulary.ts';

/** How many `start` messages may wait for the connect hook. */
export const heldStartLimit = 100;

/** How long they may be together, in characters or bytes of their frames. */
const heldLengthLimit = 1_048_576;

interface HeldStart {
  readonly request: OperationRequest;
  readonly frameLength: number;
}

/** The operations that a client started without waiting until it was accepted. */
export class HeldStarts {
  readonly #starts = new Map<RunningOperation, HeldStart>();
  #length = 0;

  hasRoomFor(frameLength: number): boolean {
    return this.#starts.size < heldStartLimit && this.#length + frameLength <= heldLengthLimit;
  }

  add(operation: RunningOperation, start: HeldStart): void {
    this.#starts.set(operation, start);
    this.#length += start.frameLength;
  }

  remove(operation: RunningOperation): void {
    this.#length -= this.#starts.get(operation)?.frameLength ?? 0;
    this.#starts.delete(operation);
  }

  /** Starts them all, in the order in which they came. */
  release(): readonly ServerOutput[] {
    const outputs: ServerOutput[] = [];
    for (const [operation, { request }] of this.#starts) {
      operation.run();
      outputs.push({ kind: 'start', operation, request });
    }
    this.#starts.clear();
    this.#length = 0;
    return outputs;
  }
}
