import type { ByteString, ResultEnvelope, ServerOperation } from '../protocol/index.ts';
import { toByteString, toIdText } from '../protocol/index.ts';
import type { FormattedError } from '../vocabulary.ts';
import type { OperationRun, ResultSink } from './operation-run.ts';
import type { Outbox } from './outbox.ts';
import type { Counted } from './principals.ts';
import type { ResultText } from './result-text.ts';

/** The session of a socket, as its operations see it. */
export interface OperationCarrier {
  readonly outbox: Outbox;
  /** For sockets that take texts. */
  deliverText(operation: ServerOperation, result: ResultText): void;
  closeAsTooSlow(): void;
  endWithErrors(operation: SocketOperation, errors: readonly FormattedError[]): void;
  endCompleted(operation: SocketOperation): void;
  room(): Promise<void> | undefined;
}

/** One operation of a socket: where its results go. The machine's object carries it, so that no table of them is needed. */
export class SocketOperation implements ResultSink {
  readonly #carrier: OperationCarrier;
  readonly operation: ServerOperation;
  /** Of its carrier: here, because a delivery that looks for it costs more than one that does not. */
  readonly #outbox: Outbox;
  readonly #envelope: ResultEnvelope;
  /** The id as it stands in frames. */
  readonly #idText: ByteString;
  readonly #counted: Counted;
  /** Nothing until it starts, and again once it has ended. */
  #run: OperationRun | undefined;

  constructor(
    carrier: OperationCarrier,
    operation: ServerOperation,
    { envelope, counted }: { readonly envelope: ResultEnvelope; readonly counted: Counted },
  ) {
    this.#carrier = carrier;
    this.operation = operation;
    this.#outbox = carrier.outbox;
    this.#envelope = envelope;
    this.#idText = toByteString(toIdText(operation.id));
    this.#counted = counted;
  }

  /** Runs `run`, which delivers to this. */
  start(run: OperationRun): void {
    this.#run = run;
    void run.start(); // reports its own failures, never rejects
  }

  next(result: ResultText): void {
    if (!this.operation.mayDeliver) return;
    const outbox = this.#outbox;
    if (!outbox.takesBytes) return this.#carrier.deliverText(this.operation, result);
    const writing = result.framesIn(this.#envelope).writeTo(outbox, this.#idText);
    if (writing === 'too-slow') this.#carrier.closeAsTooSlow();
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
