import type { OperationState, OperationStatus } from './operation-handle.ts';
import { ResultIterator } from './result-iterator.ts';

/** {@link OperationStatus} as its operation sees it. */
export class Status implements OperationStatus {
  current: OperationState = 'idle';
  readonly #iterators = new Set<ResultIterator<OperationState>>();

  set(state: OperationState): void {
    if (state === this.current) return;
    this.current = state;
    for (const iterator of this.#iterators) {
      iterator.push(state);
      if (state === 'ended') iterator.end();
    }
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<OperationState> {
    const iterator = new ResultIterator<OperationState>(
      { whenFull: 'drop-oldest' },
      () => {},
      () => this.#iterators.delete(iterator),
    );
    this.#iterators.add(iterator);
    iterator.push(this.current);
    if (this.current === 'ended') iterator.end();
    return iterator;
  }
}
