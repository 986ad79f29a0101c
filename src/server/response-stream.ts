import type { ByteTarget } from './byte-target.ts';

/** What an adapter has to give the server for each response that is a stream. No method throws, also when the client is gone. */
export interface ResponseStream {
  /** Sends text, encoded as UTF-8, without waiting for more. */
  write(text: string): void;
  /** Ends the response after what was written. */
  end(): void;
  /** Ends the connection without ending the response: the client sees that it was cut off. */
  destroy(): void;
  /** Bytes that were written and that the operating system has not taken yet. */
  readonly bufferedBytes: number;
}

/** The same for a response that takes bytes: then all that is written during a turn leaves in one write. */
export interface ByteStream extends Omit<ResponseStream, 'write'>, ByteTarget {}

/** What the server gives back: the adapter calls these, each as soon as the thing happens. */
export interface ResponseStreamEvents {
  /** The operating system took what was buffered. */
  drained(): void;
  /** The response has ended, or its client is gone; called once, also after `end` and `destroy`. */
  closed(): void;
}
