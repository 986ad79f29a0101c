import type { OperationState, OperationStatus } from './operation-handle.ts';
import { ResultIterator } from './result-iterator.ts';

/** {@link OperationStatus} as its operation sees it. */
export class Status implements OperationStatus {
  current: OperationState = 'idle';
  readonly #iterators = new Set<ResultIterator<OperationState>>();

  set(state: OperationState): void {
    const isAgain = state === this.current && state !== 'gap'; // each gap counts
    if (isAgain || this.current === 'ended') return;
    this.current = state;
    for (const iterator of this.#iterators) push(iterator, state);
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<OperationState> {
    const iterator = new ResultIterator<OperationState>(
      { start() {}, stop: () => this.#iterators.delete(iterator), report() {} },
      { whenFull: 'drop-oldest' },
    );
    this.#iterators.add(iterator);
    push(iterator, this.current);
    return iterator;
  }
}

function push(iterator: ResultIterator<OperationState>, state: OperationState): void {
  iterator.push(state);
  if (state === 'ended') iterator.end();
}
