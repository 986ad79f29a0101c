import type { ByteString, ResultEnvelope, ServerOperation } from '../protocol/index.ts';
import { textFrame, toByteString, toIdText, utf8Length } from '../protocol/index.ts';
import type { FormattedError } from '../vocabulary.ts';
import type { Deflater, DeflatedEnvelope } from './compression.ts';
import type { OperationRun, ResultSink } from './operation-run.ts';
import type { Outbox, Writing } from './outbox.ts';
import type { Counted } from './principals.ts';
import type { ResultText } from './result-text.ts';
import type { ResultPolicy, ResultReader, SlowConsumerPolicy } from './slow-consumer.ts';

/** The session of a socket, as its operations see it. */
export interface OperationCarrier {
  readonly outbox: Outbox;
  readonly slowConsumer: SlowConsumerPolicy;
  /** The message of a result, for sockets that take texts. */
  encode(operation: ServerOperation, result: ResultText): string;
  closeAsTooSlow(): void;
  /** A subscription has begun. */
  subscribed(operation: ServerOperation): void;
  endWithErrors(operation: SocketOperation, errors: readonly FormattedError[]): void;
  endCompleted(operation: SocketOperation): void;
  room(): Promise<void> | undefined;
}

/** What an operation of a socket gets from its session. */
interface OperationSetting {
  readonly envelope: ResultEnvelope;
  readonly deflater: Deflater | undefined;
  readonly counted: Counted;
}

/** One operation of a socket: where its results go. The machine's object carries it, so that no table of them is needed. */
export class SocketOperation implements ResultSink, ResultReader {
  readonly #carrier: OperationCarrier;
  readonly operation: ServerOperation;
  /** Of its carrier: here, because a delivery that looks for it costs more than one that does not. */
  readonly #outbox: Outbox;
  readonly #envelope: DeflatedEnvelope;
  /** The id as it stands in frames. */
  readonly #idText: ByteString;
  readonly #counted: Counted;
  policy: ResultPolicy = 'keep';
  droppedResults = 0;
  /** Nothing until it starts, and again once it has ended. */
  #run: OperationRun | undefined;

  constructor(
    carrier: OperationCarrier,
    operation: ServerOperation,
    { envelope, deflater, counted }: OperationSetting,
  ) {
    this.#carrier = carrier;
    this.operation = operation;
    this.#outbox = carrier.outbox;
    this.#idText = toByteString(toIdText(operation.id));
    this.#envelope = deflater?.envelopeFor(envelope, this.#idText.length) ?? envelope;
    this.#counted = counted;
  }

  /** Whether it is a subscription that has begun. */
  get isSubscription(): boolean {
    return this.policy !== 'keep';
  }

  get id(): string | number {
    return this.operation.id;
  }

  /** Runs `run`, which delivers to this. */
  start(run: OperationRun): void {
    this.#run = run;
    void run.start(); // reports its own failures, never rejects
  }

  /** @param policy - of its events, unless that of the server applies */
  started(policy: SlowConsumerPolicy = this.#carrier.slowConsumer): void {
    if (!this.operation.mayDeliver) return;
    if (!this.isSubscription) this.#carrier.subscribed(this.operation);
    this.policy = policy;
  }

  next(result: ResultText): void {
    if (!this.operation.mayDeliver) return;
    if (this.#outbox.deliver(this, result) === 'too-slow') this.#carrier.closeAsTooSlow();
  }

  writeTo(outbox: Outbox, result: ResultText): Writing {
    return outbox.takesBytes
      ? result.framesIn(this.#envelope).writeTo(outbox, this.#idText)
      : outbox.write(this.#carrier.encode(this.operation, result));
  }

  writeEnd(outbox: Outbox, message: string): Writing {
    return outbox.writeMessage(outbox.takesBytes ? textFrame(message) : message);
  }

  bytesOf(result: ResultText): number {
    return this.#outbox.takesBytes
      ? result.framesIn(this.#envelope).lengthFor(this.#idText.length)
      : utf8Length(this.#carrier.encode(this.operation, result));
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
