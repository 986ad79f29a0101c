import { randomUUID } from 'node:crypto';

/**
 * The event of every benchmark: what the field `messageAdded` returns.
 *
 * @typedef {object} Message
 * @property {string} id
 * @property {string} room
 * @property {string} author
 * @property {number} seq
 * @property {string} text
 */

/** With it the payload of a WebSocket frame has 269 bytes, if the operation's id has 36. */
export const defaultTextBytes = 68;

const firstSeq = 1_000_000; // seven digits for the next nine million events, so that all have one width

/** Numbers the events of this process, over all rooms. */
export class MessageSequence {
  #last = firstSeq - 1;
  #text = 'x'.repeat(defaultTextBytes);
  /** Together with the seven digits a message's id has 36 characters. */
  #idPrefix = randomUUID().slice(0, 29);

  /** @returns {number} */
  get last() {
    return this.#last;
  }

  /**
   * @param {string} room
   * @param {number} textBytes
   * @returns {Message}
   */
  next(room, textBytes) {
    if (this.#text.length !== textBytes) this.#text = 'x'.repeat(textBytes);
    this.#last += 1;
    const seq = this.#last;
    return { id: `${this.#idPrefix}${seq}`, room, author: 'Ada Lovelace', seq, text: this.#text };
  }
}
