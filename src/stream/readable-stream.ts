import { ignoreRejection } from './iterable-stream.ts';
import { createSourceReader } from './source-reader.ts';
import type { SourceReader, SourceStream } from './source.ts';

/** The members of a WHATWG `ReadableStream` that are called here. */
export interface ReadableStreamLike {
  getReader(): ReadableStreamReaderLike;
  cancel(reason?: unknown): Promise<void>;
}

/** The members of a `ReadableStreamDefaultReader` that are called here. */
export interface ReadableStreamReaderLike {
  read(): Promise<{ readonly done: boolean; readonly value?: unknown }>;
  cancel(reason?: unknown): Promise<void>;
  releaseLock(): void;
}

/** Reads a `ReadableStream` at the consumer's pace; opening locks it, and fails if it is locked. */
export function readableStream(stream: ReadableStreamLike): SourceStream<unknown> {
  return {
    pace: 'pull',
    open: async () => readLocked(stream.getReader()),
  };
}

function readLocked(reader: ReadableStreamReaderLike): SourceReader<unknown> {
  let isFinished = false;
  return createSourceReader<unknown>({
    next: async () => {
      try {
        const result = await reader.read();
        isFinished = result.done;
        return result.done ? undefined : { kind: 'event', event: result.value };
      } catch (error) {
        isFinished = true;
        throw error;
      }
    },
    release: () => {
      // Cancelling settles a pending read, so the lock can be released in the same breath.
      if (!isFinished) ignoreRejection(reader.cancel());
      reader.releaseLock();
    },
  });
}
