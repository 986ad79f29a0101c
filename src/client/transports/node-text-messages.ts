/** The members of a socket of `ws` that are used here. */
export interface TextSocketLike {
  readonly readyState: number;
  readonly OPEN: number;
  readonly extensions: string;
  once(event: 'error', listener: () => void): unknown;
}

/** The members of a socket of `node:net` that are used here. */
export interface ByteSocketLike {
  listeners(event: 'data'): unknown[];
  on(event: 'data', listener: HandOver): unknown;
  removeListener(event: 'data', listener: HandOver): unknown;
}

type Receive = (text: string) => void;
type HandOver = (bytes: Buffer) => void;

/**
 * Reads the text messages of a socket of `ws` that lie whole in what was read at once, without the objects per frame that take `ws` most of its time.
 * Everything else is for `ws`, in its order: what lies in two reads, messages in pieces, control frames, and whatever is wrong.
 *
 * @remarks
 * To be called when the socket opened. Without extensions `ws` calls for each message before it reads on, so that no message overtakes another.
 */
export function readTextMessages(
  webSocket: TextSocketLike,
  socket: ByteSocketLike,
  receive: Receive,
): void {
  const [theirs, ...others] = socket.listeners('data') as HandOver[]; // what a socket without an encoding calls it with
  if (!theirs || others.length > 0 || webSocket.extensions !== '') return;
  const messages = new TextMessages(webSocket, receive, theirs.bind(socket));
  const ours: HandOver = (bytes) => messages.read(bytes);
  socket.removeListener('data', theirs);
  socket.on('data', ours);
  // as `ws` does it with its own
  webSocket.once('error', () => socket.removeListener('data', ours));
}

const wholeText = 0x81;

class TextMessages {
  readonly #webSocket: TextSocketLike;
  readonly #receive: Receive;
  readonly #handOver: HandOver;
  /** The beginning of a header. */
  #rest: Buffer | undefined;
  /** What is still to come of a frame that `ws` reads. */
  #foreignBytes = 0;
  /** The last frame of a message is still to come. */
  #isInPieces = false;

  constructor(webSocket: TextSocketLike, receive: Receive, handOver: HandOver) {
    this.#webSocket = webSocket;
    this.#receive = receive;
    this.#handOver = handOver;
  }

  read(bytes: Buffer): void {
    const chunk = this.#rest ? Buffer.concat([this.#rest, bytes]) : bytes;
    this.#rest = undefined;
    let at = this.#pass(chunk, 0);
    while (at < chunk.length) {
      const end = this.#isOpen ? frameEnd(chunk, at) : chunk.length;
      if (end === undefined) {
        this.#rest = chunk.subarray(at);
        return;
      }
      const message = this.#isWholeText(chunk, at, end) ? decode(chunk, at, end) : undefined;
      if (message === undefined) {
        this.#foreignBytes = end - at;
        at = this.#pass(chunk, at);
      } else {
        at = end;
        this.#receive(message);
      }
    }
  }

  get #isOpen(): boolean {
    return this.#webSocket.readyState === this.#webSocket.OPEN;
  }

  #isWholeText(chunk: Buffer, at: number, end: number): boolean {
    const first = chunk[at] ?? 0;
    const isAlone = !this.#isInPieces;
    const isMasked = (chunk[at + 1] ?? 0) > 127;
    const isControl = (first & 0x08) !== 0;
    if (!isControl) this.#isInPieces = (first & 0x80) === 0;
    return first === wholeText && isAlone && !isMasked && end <= chunk.length && this.#isOpen;
  }

  /** @returns where the next frame begins */
  #pass(chunk: Buffer, at: number): number {
    if (this.#foreignBytes === 0) return at;
    const end = Math.min(at + this.#foreignBytes, chunk.length);
    this.#foreignBytes -= end - at;
    this.#handOver(chunk.subarray(at, end));
    return end;
  }
}

/** Where the frame that begins at `at` ends, be it beyond the chunk; `undefined` if its header is beyond it. */
function frameEnd(chunk: Buffer, at: number): number | undefined {
  const bytes = chunk.length - at;
  if (bytes < 2) return undefined;
  const length = chunk[at + 1] ?? 0;
  if (length < 126) return at + 2 + length;
  if (length === 126) return bytes < 4 ? undefined : at + 4 + chunk.readUInt16BE(at + 2);
  // a server does not mask; `ws` knows what to do
  if (length > 127) return at + 2;
  return bytes < 10 ? undefined : at + 10 + Number(chunk.readBigUInt64BE(at + 2));
}

/** @returns `undefined` if it may be no UTF-8: where bytes were replaced, or the replacement itself was sent */
function decode(chunk: Buffer, at: number, end: number): string | undefined {
  const text = chunk.toString('utf8', at + headerBytes(chunk[at + 1] ?? 0), end);
  return text.includes('\uFFFD') ? undefined : text;
}

function headerBytes(length: number): number {
  if (length < 126) return 2;
  return length === 126 ? 4 : 10;
}
