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
    for (const [index, byte] of chunk.entries()) {
      if (this.#matched < headEnd.length) this.#readHead(byte);
      else if (this.#endsMessage(byte)) ends.push(index + 1);
    }
    return ends;
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
