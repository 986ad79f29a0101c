import type { ClientOperation, OperationId } from './connection.ts';

/** {@link ClientOperation} as its connection sees it: it keeps its start message until that may be sent. */
export class RequestedOperation implements ClientOperation {
  readonly id: OperationId;
  #state: 'queued' | 'active' | 'done' = 'queued';
  #frame: string;

  constructor(id: OperationId, frame: string) {
    this.id = id;
    this.#frame = frame;
  }

  get state(): 'queued' | 'active' | 'done' {
    return this.#state;
  }

  /** The start message, which is sent now. */
  activate(): string {
    const frame = this.#frame;
    this.#state = 'active';
    this.#frame = '';
    return frame;
  }

  end(): void {
    this.#state = 'done';
    this.#frame = '';
  }
}
