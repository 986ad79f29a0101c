import type { FormattedError } from '../../vocabulary.ts';
import type { ResultSink } from '../operation-run.ts';
import type { ResultText } from '../result-text.ts';
import type { ResumeMark } from './resume-subject.ts';

/** Gives each result the token with which its client can come back. */
export class ResumableSink implements ResultSink {
  readonly #sink: ResultSink;

  constructor(sink: ResultSink) {
    // a second report makes no second token
    this.#sink = sink instanceof ResumableSink ? sink.#sink : sink;
  }

  positioned(mark: ResumeMark): void {
    this.#sink.positioned?.(mark);
  }

  next(result: ResultText): void {
    this.#sink.next(result.resumable);
  }

  error(errors: readonly FormattedError[]): void {
    this.#sink.error(errors);
  }

  complete(): void {
    this.#sink.complete();
  }

  room(): Promise<void> | undefined {
    return this.#sink.room();
  }
}
