import { MessageProgress } from '../adapters/message-progress.ts';

/** The bytes between the head of an HTTP message and what follows it. */
const headEnd = [0x0d, 0x0a, 0x0d, 0x0a];

/** Finds where the messages of a WebSocket end in one direction of a TCP connection that begins with an upgrade. */
export class MessageEnds {
  #matched = 0;
  readonly #progress = new MessageProgress();

  /** Where messages end in `chunk`: indices of the bytes after them. */
  read(chunk: Uint8Array): readonly number[] {
    const ends: number[] = [];
    let index = 0;
    while (index < chunk.length) {
      index += this.#skipPayload(chunk, index);
      const byte = chunk[index];
      if (byte === undefined) break;
      index += 1;
      if (this.#matched < headEnd.length) this.#readHead(byte);
      else if (this.#endsMessage(byte)) ends.push(index);
    }
    return ends;
  }

  /** All of a payload but its last byte says nothing; there is much of it. */
  #skipPayload(chunk: Uint8Array, index: number): number {
    const skipped = Math.min(Math.max(0, this.#progress.payloadLeft - 1), chunk.length - index);
    if (skipped > 0) this.#progress.read(chunk.subarray(index, index + skipped));
    return skipped;
  }

  #readHead(byte: number): void {
    const isNext = byte === headEnd[this.#matched];
    this.#matched = isNext ? this.#matched + 1 : Number(byte === headEnd[0]);
  }

  #endsMessage(byte: number): boolean {
    const wasUnderWay = this.#progress.isUnderWay;
    this.#progress.read(Uint8Array.of(byte));
    return wasUnderWay && !this.#progress.isUnderWay;
  }
}
