/** Bytes that come: a stream of Node or of the web, or anything else that is iterated. */
export type FileStream = ReadableStream<Uint8Array> | AsyncIterable<Uint8Array | string>;

/**
 * A file whose bytes come while it is sent, and which therefore is sent once: its operation is never tried again.
 *
 * @remarks
 * It needs a `fetch` that can send streams, as that of Node; browsers send a `Blob` without reading it first, and so does Node one of `openAsBlob`. The stream is cancelled when the operation
 * ends before all of it was read.
 */
export class StreamedFile {
  /** What makes it a file to every transport. */
  readonly [Symbol.toStringTag] = 'File';
  readonly name: string;
  /** Its media type. */
  readonly type: string;
  #stream: FileStream | undefined;

  constructor(
    stream: FileStream,
    name: string,
    { type = 'application/octet-stream' }: { readonly type?: string } = {},
  ) {
    this.#stream = stream;
    this.name = name;
    this.type = type;
  }

  /**
   * The bytes, for who asks first.
   *
   * @throws TypeError for everybody else
   */
  take(): FileStream {
    const stream = this.#stream;
    if (!stream) throw new TypeError(`The stream of ${this.name} was sent already`);
    this.#stream = undefined;
    return stream;
  }
}
