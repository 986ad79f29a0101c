import { ProtocolViolation } from '../../errors.ts';

/** An event as a stream dispatched it. */
export interface IncomingEvent {
  /** `message` where the stream named none. */
  readonly event: string;
  readonly data: string;
  /** The id that was set last, by this event or, unless ids are those of events, an earlier one; empty if none ever was. */
  readonly lastEventId: string;
}

/** Options of an {@link EventStreamParser}. */
export interface EventStreamParserOptions {
  /** Characters of the data of one event, and of one line. @defaultValue 16_777_216 */
  readonly eventCharacters?: number;
  /** Whose an id is: that of the stream, as browsers have it, counts until another comes; that of the event counts for nothing else. @defaultValue 'stream' */
  readonly idsOf?: 'stream' | 'event';
}

/**
 * Reads an event stream from chunks that may end anywhere, also inside a character or between CR and LF.
 *
 * @remarks
 * Follows the algorithm of WHATWG HTML, "Interpreting an event stream": invalid UTF-8 becomes U+FFFD, a leading byte order mark is dropped, an event
 * that is not finished when the stream ends is discarded. The work is linear in the bytes.
 */
export class EventStreamParser {
  readonly #maximum: number;
  readonly #idsOf: 'stream' | 'event';
  readonly #decoder = new TextDecoder();
  /** The line that is not finished. It grows by concatenation, which copies nothing, and is looked into once its end has come. */
  #line = '';
  /** A CR was the last character: an LF right behind it belongs to the same line end. */
  #afterCarriageReturn = false;
  /** Each line of it with the line break that joins it to the next. */
  #data = '';
  #event = '';
  /** The id of the event that is not finished. */
  #id = '';
  #lastEventId = '';
  #retryMs: number | undefined;

  constructor({
    eventCharacters = 16 * 1_024 * 1_024,
    idsOf = 'stream',
  }: EventStreamParserOptions = {}) {
    this.#maximum = eventCharacters;
    this.#idsOf = idsOf;
  }

  /** What to send as `Last-Event-ID`; an event without data, which is not dispatched, moves it too. */
  get lastEventId(): string {
    return this.#lastEventId;
  }

  /** The reconnection time that the stream asked for last, in milliseconds; nothing bounds it. */
  get retryMs(): number | undefined {
    return this.#retryMs;
  }

  /**
   * Reads the next bytes. After a violation the parser is of no further use.
   *
   * @throws ProtocolViolation `MESSAGE_TOO_BIG` for an event above the bound
   */
  push(chunk: Uint8Array): readonly IncomingEvent[] {
    const events: IncomingEvent[] = [];
    const text = this.#decoder.decode(chunk, { stream: true });
    if (!text) return events;
    const isSplit = this.#afterCarriageReturn && text.startsWith('\n');
    this.#afterCarriageReturn = text.endsWith('\r');
    const [rest = '', ...pieces] = (isSplit ? text.slice(1) : text).split(/\r\n?|\n/);
    this.#hold(rest);
    for (const piece of pieces) {
      const event = this.#readLine();
      if (event) events.push(event);
      this.#hold(piece);
    }
    return events;
  }

  #hold(piece: string): void {
    this.#line += piece;
    this.#assertBounded(this.#line);
  }

  #readLine(): IncomingEvent | undefined {
    const line = this.#line;
    this.#line = '';
    if (!line) return this.#dispatch();
    const colon = line.indexOf(':');
    // of a comment the name is empty
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (name === 'data') {
      this.#assertBounded(this.#data + value);
      this.#data += `${value}\n`;
    } else if (name === 'event') this.#event = value;
    else if (name === 'id' && !value.includes('\0')) this.#id = value;
    else if (name === 'retry' && /^\d+$/.test(value)) this.#retryMs = Number(value);
    return undefined;
  }

  #dispatch(): IncomingEvent | undefined {
    const data = this.#data;
    const event = this.#event || 'message';
    const lastEventId = this.#id;
    this.#data = '';
    this.#event = '';
    this.#lastEventId = lastEventId;
    if (this.#idsOf === 'event') this.#id = '';
    return data ? { event, data: data.slice(0, -1), lastEventId } : undefined;
  }

  #assertBounded({ length }: string): void {
    if (length <= this.#maximum) return;
    throw new ProtocolViolation(
      'MESSAGE_TOO_BIG',
      `an event has more than ${this.#maximum} characters`,
    );
  }
}
