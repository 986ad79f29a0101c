import { UsageError } from '../../errors.ts';
import { joinBytes } from './join-bytes.ts';

/** Reads a file from its beginning. */
export interface FileReader {
  /** The next bytes; `undefined` at the end. Rejects once the file has failed. */
  next(): Promise<Uint8Array | undefined>;
  /** Wants no more. */
  cancel(): void;
}

/** Up to this size pieces are joined. */
const joinedBytes = 1_024;

type State =
  | { readonly kind: 'coming' }
  | { readonly kind: 'complete' }
  | { readonly kind: 'failed'; readonly error: Error }
  /** Its only reader wants no more. */
  | { readonly kind: 'unwanted' };

/**
 * The bytes of a file between the body that brings them and who reads them.
 *
 * @remarks
 * Of a file that has one place, what was read is forgotten; one in several places is kept, so that whoever comes later reads it from the beginning.
 */
export class FileContent {
  readonly #isKept: boolean;
  readonly #onRead: () => void;
  #state: State = { kind: 'coming' };
  #chunks: Uint8Array[] = [];
  #size = 0;
  #unreadBytes = 0;
  #isOpen = false;
  /** Chunks that some reader has, of those that are kept. */
  #taken = 0;
  /** Readers that have all there is. */
  readonly #waiting: (() => void)[] = [];

  /** @param onRead - called when there may be room for more */
  constructor(isKept: boolean, onRead: () => void) {
    this.#isKept = isKept;
    this.#onRead = onRead;
  }

  /** Of the whole file, once it is there. */
  get size(): number | undefined {
    return this.#state.kind === 'complete' ? this.#size : undefined;
  }

  /** What is held for somebody who has not read it; nothing of a file that is kept, which has a bound of its own. */
  get unreadBytes(): number {
    return this.#unreadBytes;
  }

  /** Whether somebody waits for the next bytes. */
  get isHungry(): boolean {
    return this.#waiting.length > 0;
  }

  /** Whether more of it is of use to anybody. */
  get isWanted(): boolean {
    return this.#state.kind === 'coming';
  }

  push(chunk: Uint8Array): void {
    if (!this.isWanted || chunk.length === 0) return;
    this.#size += chunk.length;
    this.#append(chunk);
    if (!this.#isKept) this.#unreadBytes += chunk.length;
    this.#wake();
  }

  complete(): void {
    if (this.isWanted) this.#state = { kind: 'complete' };
    this.#wake();
  }

  /** Ends its readers with `error`, also of what they have not read yet. The first error is the one that they get. */
  fail(error: Error): void {
    if (this.#state.kind === 'unwanted' || this.#state.kind === 'failed') return;
    this.#state = { kind: 'failed', error };
    this.#forget();
    this.#wake();
  }

  /** Throws {@link UsageError} where the bytes are somebody else's already. */
  open(): FileReader {
    if (this.#isOpen && !this.#isKept) {
      throw new UsageError('a file that has one place in the variables can be read once');
    }
    this.#isOpen = true;
    let read = 0;
    return {
      next: async () => {
        while (!this.#canAnswer(read)) await this.#more();
        if (this.#state.kind === 'failed') throw this.#state.error;
        if (!this.#isKept) return this.#take();
        read += 1;
        this.#taken = Math.max(this.#taken, read);
        return this.#chunks[read - 1];
      },
      cancel: () => {
        if (!this.#isKept) this.#drop();
      },
    };
  }

  /** Joins small pieces: what holds one may take more room than what is in it, and a client chooses how many there are. */
  #append(chunk: Uint8Array): void {
    const last = this.#chunks.length > this.#taken ? this.#chunks.at(-1) : undefined;
    if (last && last.length + chunk.length <= joinedBytes) {
      this.#chunks[this.#chunks.length - 1] = joinBytes(last, chunk);
    } else this.#chunks.push(chunk);
  }

  #canAnswer(read: number): boolean {
    return this.#state.kind !== 'coming' || this.#chunks.length > (this.#isKept ? read : 0);
  }

  #take(): Uint8Array | undefined {
    const chunk = this.#chunks.shift();
    if (!chunk) return undefined;
    this.#unreadBytes -= chunk.length;
    this.#onRead();
    return chunk;
  }

  #more(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.#onRead();
    });
  }

  #drop(): void {
    if (this.#state.kind === 'failed') return;
    this.#state = { kind: 'unwanted' };
    this.#forget();
    this.#wake();
  }

  #forget(): void {
    this.#chunks = [];
    this.#unreadBytes = 0;
    this.#onRead();
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
