import type { OperationId, ServerOperation } from './connection.ts';

/** {@link ServerOperation} as its connection sees it: able to end. */
export class RunningOperation implements ServerOperation {
  readonly id: OperationId;
  work: unknown = undefined;
  #state: 'held' | 'running' | 'ended' = 'held';

  constructor(id: OperationId) {
    this.id = id;
  }

  get mayDeliver(): boolean {
    return this.#state === 'running';
  }

  /** It is handed to the server now; before that nobody outside knows of it. */
  run(): void {
    this.#state = 'running';
  }

  end(): void {
    this.#state = 'ended';
  }
}
