import type { FileContent } from './file-content.ts';
import type { HttpProblem } from '../http-problem.ts';
import { toFileError } from './upload-problem.ts';
import type { UploadedFile } from './uploaded-file.ts';
import { createUploadedFile } from './uploaded-file.ts';

/** What stands in the variables for a file that comes, or does not. */
export class Upload {
  /** Resolves when the file begins to come. */
  readonly file: Promise<UploadedFile>;
  /** Whether it stands in several places. */
  readonly isShared: boolean;
  #resolve: (file: UploadedFile) => void = () => {};
  #reject: (error: Error) => void = () => {};

  constructor(isShared: boolean) {
    this.isShared = isShared;
    this.file = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.file.catch(() => {}); // a resolver need not look at its argument
  }

  arrive(head: Pick<UploadedFile, 'name' | 'type'>, content: FileContent): void {
    this.#resolve(createUploadedFile(head, content));
  }

  /** It will not come. */
  fail(problem: HttpProblem): void {
    this.#reject(toFileError(problem));
  }
}
