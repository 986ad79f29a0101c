import type { Clock } from '../../vocabulary.ts';
import type { AbortSignalLike } from '../http-context.ts';
import { HttpProblem } from '../http-problem.ts';
import { FormParser } from './form-parser.ts';
import { UploadForm } from './upload-form.ts';
import type { Operations } from './upload-map.ts';
import type { UploadLimits } from './upload-options.ts';
import { exceeded } from './upload-problem.ts';

/** Where a body comes from, and what bounds it. */
export interface UploadSource {
  readonly contentType: string;
  readonly chunks: AsyncIterable<Uint8Array>;
  readonly signal: AbortSignalLike | undefined;
  readonly limits: UploadLimits;
  readonly clock: Clock;
}

/** The request in a form, before its files are there. */
export interface UploadRequest {
  readonly operations: Operations;
  readonly uploadCount: number;
}

/**
 * Reads the body of a request with files as fast as somebody reads them.
 *
 * @remarks
 * Owns the promise of its reading: whatever happens to the body ends in {@link UploadBody.request}, or in the readers of its files.
 */
export class UploadBody {
  readonly #source: UploadSource;
  readonly #form: UploadForm;
  readonly #parser: FormParser;
  readonly #chunks: AsyncIterator<Uint8Array>;
  readonly #stopClock: () => void;
  #bytes = 0;
  #isOver = false;
  /** While the body waits for its readers. */
  #goOn: (() => void) | undefined;
  #resolve: (request: UploadRequest) => void = () => {};
  #reject: (problem: HttpProblem) => void = () => {};
  /** Resolves once `operations` and `map` were read; rejects with {@link HttpProblem} if that cannot be. */
  readonly request: Promise<UploadRequest>;

  constructor(source: UploadSource) {
    const { contentType, chunks, signal, limits, clock } = source;
    this.#source = source;
    this.request = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.#form = new UploadForm(limits, {
      ready: (operations, uploadCount) => this.#resolve({ operations, uploadCount }),
      read: () => this.#goOn?.(),
    });
    this.#parser = new FormParser(contentType, this.#form.part);
    this.#chunks = chunks[Symbol.asyncIterator]();
    const giveUp = (): void => this.#fail(exceeded(limits, 'completeMs'));
    this.#stopClock =
      limits.completeMs === Infinity ? nothing : clock.schedule(giveUp, limits.completeMs);
    signal?.addEventListener('abort', this.#abort);
    void this.#read(); // never rejects
  }

  /** The operation has its result, or will have none: nobody is to read on. Releasing twice is harmless. */
  release(): void {
    this.#stop();
    this.#form.close(new HttpProblem('UPLOAD_UNREAD', 'the operation of this file is over'));
  }

  async #read(): Promise<void> {
    try {
      while (!this.#isOver) {
        if (!this.#form.hasRoom) await this.#room();
        if (this.#isOver) return;
        const next = await this.#chunks.next();
        if (this.#isOver) return;
        if (next.done) return this.#complete();
        this.#accept(next.value);
      }
    } catch (error) {
      this.#fail(error instanceof HttpProblem ? error : aborted());
    }
  }

  #accept(chunk: Uint8Array): void {
    const { limits } = this.#source;
    this.#bytes += chunk.length;
    if (this.#bytes > limits.totalBytes) throw exceeded(limits, 'totalBytes');
    this.#parser.write(chunk);
    if (this.#form.isUseless) this.#stop();
  }

  #complete(): void {
    this.#parser.end();
    this.#form.end();
    this.#stop();
  }

  /** Resolves once there is room in the form; a file that nobody reads makes room for those behind it after a while. */
  #room(): Promise<void> {
    const cancel = this.#form.holdsUp ? this.#skipLater() : nothing;
    return new Promise((resolve) => {
      this.#goOn = () => {
        if (!this.#form.hasRoom && !this.#isOver) return;
        this.#goOn = undefined;
        cancel();
        resolve();
      };
    });
  }

  #skipLater(): () => void {
    const { limits, clock } = this.#source;
    if (limits.unreadMs === Infinity) return nothing;
    return clock.schedule(() => this.#form.skip(unread(limits)), limits.unreadMs);
  }

  readonly #abort = (): void => this.#fail(aborted());

  #fail(problem: HttpProblem): void {
    this.#stop();
    this.#reject(problem);
    this.#form.fail(problem);
  }

  #stop(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#stopClock();
    this.#source.signal?.removeEventListener('abort', this.#abort);
    this.#goOn?.();
    // it may be in the middle of a read, which then is its last one; how it ends concerns nobody
    this.#chunks.return?.().catch(() => {});
  }
}

function nothing(): void {}

function aborted(): HttpProblem {
  return new HttpProblem('UPLOAD_ABORTED', 'the request ended before its files were there');
}

function unread({ unreadMs, bufferBytes }: UploadLimits): HttpProblem {
  return new HttpProblem(
    'UPLOAD_UNREAD',
    `a file of more than uploads.bufferBytes of ${bufferBytes} was not read for uploads.unreadMs of ${unreadMs}, and others are behind it`,
    {},
    { limit: 'unreadMs', maximum: unreadMs },
  );
}
