import { ProtocolViolation } from '../errors.ts';
import { ResultMerger } from '../protocol/incremental/result-merger.ts';
import type { FormattedError, FormattedResult } from '../vocabulary.ts';
import { TransportError } from './transport-error.ts';
import type { Connection, ResultSink, StartedOperation, Transport } from './transport.ts';

/**
 * Puts answers together that come in parts, as those to documents with `@defer` and `@stream` do, whatever carries them.
 *
 * @remarks
 * `subscribe` of the client then gives a result for each part that brings something: all that is known till then, with `hasNext: true` unless it is the last one. Results
 * share what is equal in them and never change. `query` and `mutate` give the whole. Errors of parts stand with the others; the fields of a part that failed are missing.
 * An answer that makes no sense, or ends before its last part, is a {@link TransportError} with the code `BAD_RESPONSE`, as a connection that is lost before that is one of
 * its own; results till then were given. Results that do not come in parts pass as they are.
 */
export function incrementalDelivery(transport: Transport): Transport {
  return {
    isShared: transport.isShared,
    connect(settings, listener) {
      const connection = transport.connect(settings, listener);
      return {
        get confirmsStarts() {
          return connection.confirmsStarts === true;
        },
        start: (operation, sink) => start(connection, operation, sink),
        probe: () => connection.probe?.(),
        close: () => connection.close(),
      };
    },
  };
}

function start(connection: Connection, operation: StartedOperation, sink: ResultSink): () => void {
  const parts = new PartsSink(operation, sink);
  parts.stop = connection.start(operation, parts);
  // what makes no sense may have come in there
  if (parts.isOver) parts.stop();
  return () => parts.leave();
}

/** Stands between a connection and the operation that it carries. */
class PartsSink implements ResultSink {
  isOver = false;
  stop: (() => void) | undefined;
  readonly #sink: ResultSink;
  readonly #merger = new ResultMerger();
  /** Whether somebody wants to see what is not complete. */
  readonly #isWatched: boolean;

  constructor({ kind }: StartedOperation, sink: ResultSink) {
    this.#sink = sink;
    this.#isWatched = kind === 'subscription';
  }

  started(): void {
    if (!this.isOver) this.#sink.started?.();
  }

  next(payload: FormattedResult): void {
    if (this.isOver) return;
    const result = this.#merge(payload);
    if (result) this.#sink.next(result);
  }

  error(errors: readonly FormattedError[]): void {
    if (this.#end()) this.#sink.error(errors);
  }

  complete(): void {
    if (this.#merger.isIncomplete) this.#fail('The answer ended before its last part.');
    else if (this.#end()) this.#sink.complete();
  }

  failed(failure: TransportError): void {
    if (this.#end()) this.#sink.failed(failure);
  }

  /** Nobody wants the rest. */
  leave(): void {
    this.isOver = true;
    this.stop?.();
  }

  /** What is to be shown now. */
  #merge(payload: FormattedResult): FormattedResult | undefined {
    try {
      const { kind, isNews } = this.#merger.take(payload);
      if (kind === 'whole') return payload;
      // a whole is shown once; who watches knows it already if the last word says nothing else
      const isShown = this.#isWatched ? isNews : kind === 'last';
      return isShown ? this.#merger.show() : undefined;
    } catch (cause) {
      // what nests too deeply overflows the stack
      const isKnown = cause instanceof ProtocolViolation;
      this.#fail(isKnown ? cause.message : 'The answer cannot be put together.', cause);
      return undefined;
    }
  }

  #fail(message: string, cause?: unknown): void {
    if (!this.#end()) return;
    this.stop?.();
    this.#sink.failed(new TransportError('BAD_RESPONSE', message, false, { cause }));
  }

  /** Whether it was not over before. */
  #end(): boolean {
    const isFirst = !this.isOver;
    this.isOver = true;
    return isFirst;
  }
}
