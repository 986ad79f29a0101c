const smallestBytes = 1_024;

/** What an empty queue may keep for the next chunk. */
const keptBytes = 64 * 1_024;

const nothing = new Uint8Array(0);

/** Bytes that are appended at one end and taken at the other; either costs, over all, as much as the bytes are. */
export class ByteQueue {
  #buffer = nothing;
  #start = 0;
  #end = 0;

  /** What is in the queue; valid until the next `append`. */
  get bytes(): Uint8Array {
    return this.#buffer.subarray(this.#start, this.#end);
  }

  append(chunk: Uint8Array): void {
    if (this.#end + chunk.length > this.#buffer.length) this.#makeRoom(chunk.length);
    this.#buffer.set(chunk, this.#end);
    this.#end += chunk.length;
  }

  /** Takes `count` bytes from the front. */
  drop(count: number): void {
    this.#start += count;
    if (this.#start < this.#end) return;
    this.#start = 0;
    this.#end = 0;
    if (this.#buffer.length > keptBytes) this.#buffer = nothing;
  }

  /** Doubles, so that a long part in small chunks is not copied once per chunk. */
  #makeRoom(count: number): void {
    const held = this.bytes;
    const buffer = new Uint8Array(Math.max(smallestBytes, 2 * (held.length + count)));
    buffer.set(held);
    this.#buffer = buffer;
    this.#start = 0;
    this.#end = held.length;
  }
}
