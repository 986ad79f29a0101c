import type { FormattedError } from '../../vocabulary.ts';
import type { ResultSink } from '../operation-run.ts';
import { ResultText } from '../result-text.ts';
import type { ResumeRequest } from './resume-attempt.ts';
import type { ResumeMark } from './resume-subject.ts';

/** Tells a client that asked for it where it stands: in `extensions.resume` if it opted in, otherwise beside the results of its event stream. */
export class ResumableSink implements ResultSink {
  readonly failsOnGap: boolean;
  readonly #sink: ResultSink;
  readonly #isOptedIn: boolean;

  constructor(sink: ResultSink, { isOptedIn, failsOnGap }: ResumeRequest) {
    this.#sink = sink;
    this.#isOptedIn = isOptedIn;
    this.failsOnGap = failsOnGap;
  }

  get saysPositions(): boolean {
    return this.#sink.saysPositions === true;
  }

  positioned(mark: ResumeMark | undefined, report: object): void {
    const token = mark?.token;
    if (this.#isOptedIn) {
      const resume = { ...report, ...(token !== undefined && { token }) };
      const result = { extensions: { resume } };
      const text = new ResultText(JSON.stringify(result), result);
      text.standing = 'report';
      this.#sink.next(text);
    }
    this.#sink.positioned?.(mark, this.#isOptedIn ? {} : report);
  }

  next(result: ResultText): void {
    this.#sink.next(this.#isOptedIn ? result.resumable : result);
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
