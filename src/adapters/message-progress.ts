/**
 * Follows the frames of a WebSocket far enough to know whether a message is under way (RFC 6455 section 5.2).
 *
 * @remarks
 * Judges nothing: whoever reads the messages refuses frames that are wrong.
 */
export class MessageProgress {
  #isUnderWay = false;
  #isControl = false;
  #isFinal = false;
  /** Bytes of the header that came, and all that it has as far as is known: at least two. */
  #header: number[] = [];
  #headerBytes = 2;
  #payloadBytes = 0;

  /** Whether the last byte read belongs to a message that is not complete. */
  get isUnderWay(): boolean {
    return this.#isUnderWay;
  }

  /** Whether the last byte read was the last of a frame. */
  get isBetweenFrames(): boolean {
    return this.#header.length === 0 && this.#payloadBytes === 0;
  }

  /** Bytes that are to come of the payload of this frame. */
  get payloadLeft(): number {
    return this.#payloadBytes;
  }

  read(chunk: Uint8Array): void {
    for (let index = 0; index < chunk.length;) {
      if (this.#payloadBytes > 0) {
        const skipped = Math.min(this.#payloadBytes, chunk.length - index);
        this.#payloadBytes -= skipped;
        index += skipped;
        if (this.#payloadBytes === 0) this.#endFrame();
      } else {
        this.#readHeader(chunk[index] ?? 0);
        index += 1;
      }
    }
  }

  #readHeader(byte: number): void {
    this.#header.push(byte);
    if (this.#header.length === 1) {
      this.#isControl = (byte & 0x08) !== 0;
      this.#isFinal = (byte & 0x80) !== 0;
      this.#isUnderWay ||= !this.#isControl;
    }
    if (this.#header.length === 2) this.#headerBytes = headerBytes(byte);
    if (this.#header.length < this.#headerBytes) return;
    this.#payloadBytes = payloadBytes(this.#header);
    this.#header = [];
    this.#headerBytes = 2;
    if (this.#payloadBytes === 0) this.#endFrame();
  }

  #endFrame(): void {
    if (!this.#isControl && this.#isFinal) this.#isUnderWay = false;
  }
}

/** Whether a chunk that begins with a frame is whole messages: what nearly all are. */
export function endsWithMessage(chunk: Uint8Array): boolean {
  let index = 0;
  while (index < chunk.length) {
    const isFragment = ((chunk[index] ?? 0) & 0x80) === 0;
    const second = chunk[index + 1];
    if (isFragment || second === undefined || lengthBytes(second) === 8) return false;
    const payload =
      lengthBytes(second) === 0
        ? second & 0x7f
        : (chunk[index + 2] ?? 0) * 256 + (chunk[index + 3] ?? 0);
    index += headerBytes(second) + payload;
  }
  return index === chunk.length;
}

function lengthBytes(second: number): number {
  const length = second & 0x7f;
  if (length < 126) return 0;
  return length === 126 ? 2 : 8;
}

function headerBytes(second: number): number {
  const maskBytes = (second & 0x80) === 0 ? 0 : 4;
  return 2 + lengthBytes(second) + maskBytes;
}

function payloadBytes([, second = 0, ...rest]: readonly number[]): number {
  const extended = rest.slice(0, lengthBytes(second));
  return extended.length === 0
    ? second & 0x7f
    : extended.reduce((length, byte) => length * 256 + byte, 0);
}
