import { ProtocolViolation } from '../../errors.ts';

/** An event as a stream dispatched it. */
export interface IncomingEvent {
  /** `message` where the stream named none. */
  readonly event: string;
  readonly data: string;
  /** The id that was set last, by this event or an earlier one; empty if none ever was. */
  readonly lastEventId: string;
}

/** Bounds of an {@link EventStreamParser}. */
export interface EventStreamParserOptions {
  /** Characters of the data of one event, and of one line. @defaultValue 16_777_216 */
  readonly eventCharacters?: number;
}

const defaults = {
  eventCharacters: 16 * 1_024 * 1_024,
} as const satisfies EventStreamParserOptions;

/**
 * Reads an event stream from chunks that may end anywhere, also inside a character or between CR and LF.
 *
 * @remarks
 * Follows the algorithm of WHATWG HTML, "Interpreting an event stream": invalid UTF-8 becomes U+FFFD, a leading byte order mark is dropped, an event
 * that is not finished when the stream ends is discarded. The work is linear in the bytes.
 */
export class EventStreamParser {
  readonly #maximum: number;
  readonly #decoder = new TextDecoder();
  /** Pieces of the line that is not finished; joined once, when its end comes. */
  #pieces: string[] = [];
  #piecesCharacters = 0;
  /** A CR was the last character: an LF right behind it belongs to the same line end. */
  #afterCarriageReturn = false;
  #data: string[] = [];
  #dataCharacters = 0;
  #event = '';
  /** The id of the event that is not finished. */
  #id = '';
  #lastEventId = '';
  #retryMs: number | undefined;

  constructor(options: EventStreamParserOptions = {}) {
    this.#maximum = options.eventCharacters ?? defaults.eventCharacters;
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
    const text = this.#decoder.decode(chunk, { stream: true });
    return text === '' ? [] : this.#read(text);
  }

  #read(text: string): readonly IncomingEvent[] {
    const events: IncomingEvent[] = [];
    const lineEnd = /\r\n|\n|\r/g;
    let start = this.#afterCarriageReturn && text.startsWith('\n') ? 1 : 0;
    this.#afterCarriageReturn = text.endsWith('\r');
    lineEnd.lastIndex = start;
    for (let end = lineEnd.exec(text); end !== null; end = lineEnd.exec(text)) {
      const event = this.#readLine(this.#finishLine(text.slice(start, end.index)));
      if (event) events.push(event);
      start = lineEnd.lastIndex;
    }
    if (start < text.length) this.#hold(text.slice(start));
    return events;
  }

  #hold(piece: string): void {
    this.#pieces.push(piece);
    this.#piecesCharacters += piece.length;
    this.#assertBounded(this.#piecesCharacters);
  }

  #finishLine(piece: string): string {
    this.#hold(piece);
    const line = this.#pieces.length === 1 ? piece : this.#pieces.join('');
    this.#pieces = [];
    this.#piecesCharacters = 0;
    return line;
  }

  #readLine(line: string): IncomingEvent | undefined {
    if (line === '') return this.#dispatch();
    const colon = line.indexOf(':');
    if (colon === -1) this.#setField(line, '');
    // a line that begins with a colon is a comment
    else if (colon > 0) {
      const valueStart = line[colon + 1] === ' ' ? colon + 2 : colon + 1;
      this.#setField(line.slice(0, colon), line.slice(valueStart));
    }
    return undefined;
  }

  #setField(field: string, value: string): void {
    if (field === 'data') this.#addData(value);
    else if (field === 'event') this.#event = value;
    else if (field === 'id' && !value.includes('\0')) this.#id = value;
    else if (field === 'retry' && /^\d+$/.test(value)) this.#retryMs = Number(value);
  }

  #addData(value: string): void {
    this.#data.push(value);
    // with the line break that joins it to the next
    this.#dataCharacters += value.length + 1;
    this.#assertBounded(this.#dataCharacters - 1);
  }

  #dispatch(): IncomingEvent | undefined {
    const data = this.#data;
    const event = this.#event === '' ? 'message' : this.#event;
    this.#data = [];
    this.#dataCharacters = 0;
    this.#event = '';
    this.#lastEventId = this.#id;
    return data.length === 0
      ? undefined
      : { event, data: data.join('\n'), lastEventId: this.#lastEventId };
  }

  #assertBounded(characters: number): void {
    if (characters <= this.#maximum) return;
    throw new ProtocolViolation(
      'MESSAGE_TOO_BIG',
      `an event has more than ${this.#maximum} characters`,
    );
  }
}
