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

/**
 * Seven digits for the next nine million events, so that all have one width. Processes that publish to the same rooms are told to begin behind each other, because
 * nobody takes an event whose number is not greater than the last one's.
 */
const firstSeq = Number(process.env['BENCH_FIRST_SEQ'] ?? 1_000_000);

/** Numbers the events of this process, over all rooms. */
export class MessageSequence {
  #last = firstSeq - 1;
  #prose = proseOf(variety + defaultTextBytes);
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
    if (this.#prose.length !== variety + textBytes) this.#prose = proseOf(variety + textBytes);
    this.#last += 1;
    const seq = this.#last;
    const start = (seq * step) % variety;
    const text = this.#prose.slice(start, start + textBytes);
    return { id: `${this.#idPrefix}${seq}`, room, author: 'Ada Lovelace', seq, text };
  }
}

/** Texts begin at so many places of the prose, and each so far behind the last one. */
const variety = 65_536;
const step = 7_919;

const words =
  'the river turns a wheel and whoever lives there grinds what the fields gave in summer while rain falls on slate roofs'.split(
    ' ',
  );

/**
 * Words in an order that does not repeat: what is compressed must not be easier than what people write.
 *
 * @param {number} bytes
 * @returns {string}
 */
function proseOf(bytes) {
  let state = 1;
  let text = '';
  while (text.length < bytes) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    text += `${words[(state >>> 16) % words.length]} `;
  }
  return text.slice(0, bytes);
}
