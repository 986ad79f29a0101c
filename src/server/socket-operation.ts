import type { ByteString, ServerOperation } from '../protocol/index.ts';
import { toByteString, toIdText } from '../protocol/index.ts';
import type { FormattedError } from '../vocabulary.ts';
import type { OperationRun, ResultSink } from './operation-run.ts';
import type { Counted } from './principals.ts';
import type { ResultText } from './result-text.ts';

/** The session of a socket, as its operations see it. */
export interface OperationCarrier {
  deliver(operation: SocketOperation, result: ResultText): void;
  endWithErrors(operation: SocketOperation, errors: readonly FormattedError[]): void;
  endCompleted(operation: SocketOperation): void;
  room(): Promise<void> | undefined;
}

/** One operation of a socket: where its results go. The machine's object carries it, so that no table of them is needed. */
export class SocketOperation implements ResultSink {
  readonly #carrier: OperationCarrier;
  readonly operation: ServerOperation;
  /** The id as it stands in frames. */
  readonly idText: ByteString;
  readonly #counted: Counted;
  /** Nothing until it starts, and again once it has ended. */
  #run: OperationRun | undefined;

  constructor(carrier: OperationCarrier, operation: ServerOperation, counted: Counted) {
    this.#carrier = carrier;
    this.operation = operation;
    this.idText = toByteString(toIdText(operation.id));
    this.#counted = counted;
  }

  /** Runs `run`, which delivers to this. */
  start(run: OperationRun): void {
    this.#run = run;
    void run.start(); // reports its own failures, never rejects
  }

  next(result: ResultText): void {
    if (this.operation.mayDeliver) this.#carrier.deliver(this, result);
  }

  error(errors: readonly FormattedError[]): void {
    this.#carrier.endWithErrors(this, errors);
  }

  complete(): void {
    this.#carrier.endCompleted(this);
  }

  room(): Promise<void> | undefined {
    return this.operation.mayDeliver ? this.#carrier.room() : undefined;
  }

  /** Stops what runs; nothing more is delivered. */
  cancel(): void {
    this.#run?.cancel();
  }

  /** Gives its place among the operations of its principal back. */
  leave(): void {
    this.#counted.leave();
  }
}
