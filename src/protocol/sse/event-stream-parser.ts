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
  /** Characters of one event, line ends included. @defaultValue 16_777_216 */
  readonly eventCharacters?: number;
}

const defaults = {
  eventCharacters: 16 * 1_024 * 1_024,
} as const satisfies EventStreamParserOptions;

const lineEnd = /\r\n|\n|\r/g;

/**
 * Reads an event stream from chunks that may end anywhere, also inside a character or between CR and LF.
 *
 * @remarks
 * Follows the algorithm of WHATWG HTML, "Interpreting an event stream": invalid UTF-8 becomes U+FFFD, a leading byte order mark is dropped, an event
 * that is not finished when the stream ends is discarded.
 */
export class EventStreamParser {
  readonly #maximum: number;
  readonly #decoder = new TextDecoder();
  /** Pieces of the line that is not finished; joined once, when its end comes. */
  #line: string[] = [];
  #data: string[] = [];
  #event = '';
  #lastEventId = '';
  #characters = 0;
  /** A CR was the last character: an LF right behind it belongs to the same line end. */
  #afterCarriageReturn = false;
  #retryMs: number | undefined;

  constructor(options: EventStreamParserOptions = {}) {
    this.#maximum = options.eventCharacters ?? defaults.eventCharacters;
  }

  /** The reconnection time that the stream asked for last, in milliseconds. */
  get retryMs(): number | undefined {
    return this.#retryMs;
  }

  /**
   * Reads the next bytes.
   *
   * @throws ProtocolViolation `MESSAGE_TOO_BIG` for an event above the bound
   */
  push(chunk: Uint8Array): readonly IncomingEvent[] {
    const text = this.#decoder.decode(chunk, { stream: true });
    return text === '' ? [] : this.#read(text);
  }

  #read(text: string): readonly IncomingEvent[] {
    const events: IncomingEvent[] = [];
    let start = this.#afterCarriageReturn && text.startsWith('\n') ? 1 : 0;
    this.#afterCarriageReturn = text.endsWith('\r');
    lineEnd.lastIndex = start;
    for (let end = lineEnd.exec(text); end !== null; end = lineEnd.exec(text)) {
      this.#count(end.index - start + 1);
      const event = this.#endLine(text.slice(start, end.index));
      if (event) events.push(event);
      start = lineEnd.lastIndex;
    }
    if (start < text.length) {
      this.#count(text.length - start);
      this.#line.push(text.slice(start));
    }
    return events;
  }

  #count(characters: number): void {
    this.#characters += characters;
    if (this.#characters <= this.#maximum) return;
    throw new ProtocolViolation(
      'MESSAGE_TOO_BIG',
      `an event has more than ${this.#maximum} characters`,
    );
  }

  #endLine(rest: string): IncomingEvent | undefined {
    const line = this.#line.length === 0 ? rest : this.#line.join('') + rest;
    this.#line = [];
    if (line === '') return this.#dispatch();
    const colon = line.indexOf(':');
    if (colon === 0) return undefined;
    const field = colon === -1 ? line : line.slice(0, colon);
    const value = colon === -1 ? '' : line.slice(line[colon + 1] === ' ' ? colon + 2 : colon + 1);
    this.#setField(field, value);
    return undefined;
  }

  #setField(field: string, value: string): void {
    if (field === 'data') this.#data.push(value);
    else if (field === 'event') this.#event = value;
    else if (field === 'id' && !value.includes('\0')) this.#lastEventId = value;
    else if (field === 'retry' && /^\d+$/.test(value)) this.#retryMs = Number(value);
  }

  #dispatch(): IncomingEvent | undefined {
    const data = this.#data;
    const event = this.#event === '' ? 'message' : this.#event;
    this.#data = [];
    this.#event = '';
    this.#characters = 0;
    return data.length === 0
      ? undefined
      : { event, data: data.join('\n'), lastEventId: this.#lastEventId };
  }
}
