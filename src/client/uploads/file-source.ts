import type { FileStream } from './streamed-file.ts';

/** A stream that somebody has begun to read. */
export interface FileSource {
  next(): Promise<{ readonly done?: boolean; readonly value?: unknown }>;
  /** Nobody reads any more of it. */
  discard(): void;
}

/** What Node's streams have besides being iterable. */
interface NodeStreamLike {
  destroy(): unknown;
  on(event: 'error', listener: () => void): unknown;
}

/** Begins to read `stream`, whichever kind it is. */
export function toFileSource(stream: FileStream): FileSource {
  if ('getReader' in stream) {
    const reader = stream.getReader();
    return { next: () => reader.read(), discard: () => void reader.cancel().catch(() => {}) };
  }
  const iterator = stream[Symbol.asyncIterator]();
  if (isNodeStream(stream)) {
    // who iterates is told, but perhaps not in time: until then it would end the process
    stream.on('error', () => {});
    return { next: () => iterator.next(), discard: () => void stream.destroy() };
  }
  return {
    next: () => iterator.next(),
    discard: () => void iterator.return?.().then(undefined, () => {}),
  };
}

function isNodeStream(stream: object): stream is NodeStreamLike {
  return 'destroy' in stream && 'on' in stream;
}
