import { ProtocolViolation } from '../../errors.ts';
import { ByteQueue } from './byte-queue.ts';

/** One part of a multipart body. */
export interface Part {
  /** By lower-case name. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

/** Bounds of a {@link MultipartParser}. */
export interface MultipartParserOptions {
  /** Bytes of one part, its headers included, and of what stands before the first. @defaultValue 16_777_216 */
  readonly partBytes?: number;
}

const defaults = {
  partBytes: 16 * 1_024 * 1_024,
} as const satisfies MultipartParserOptions;

const tab = 0x09;
const lineFeed = 0x0a;
const carriageReturn = 0x0d;
const space = 0x20;
const hyphen = 0x2d;

/** The line end before a part belongs to it while it is read: an empty part has its delimiter right there. */
const lineEnd = new Uint8Array([carriageReturn, lineFeed]);

type State =
  /** Before the first delimiter; what stands there is ignored. */
  | 'preamble'
  /** Right behind a delimiter: the rest of its line decides whether a part follows. */
  | 'delimiter'
  | 'part'
  /** The closing delimiter came; what follows is ignored. */
  | 'ended';

/**
 * Reads a `multipart/mixed` body from chunks that may end anywhere (RFC 2046 section 5.1).
 *
 * @remarks
 * A part is handed out as soon as the delimiter behind it is complete; the bytes after that are not waited for. A part without headers and body is left
 * out. The work is linear in the bytes.
 */
export class MultipartParser {
  readonly #delimiter: Uint8Array;
  readonly #maximum: number;
  #state: State = 'preamble';
  /** What was read and not used. */
  readonly #queue = new ByteQueue();
  /** Where to go on searching: no delimiter begins before it. */
  #searched = 0;

  /** @param boundary - as `parseBoundary` gives it */
  constructor(boundary: string, options: MultipartParserOptions = {}) {
    this.#delimiter = new TextEncoder().encode(`\r\n--${boundary}`);
    this.#maximum = options.partBytes ?? defaults.partBytes;
    // a body may begin with a delimiter
    this.#queue.append(lineEnd);
  }

  /** Whether the closing delimiter was read: a body that stops before it was cut off. */
  get hasEnded(): boolean {
    return this.#state === 'ended';
  }

  /**
   * Reads the next bytes. After a violation the parser is of no further use.
   *
   * @throws ProtocolViolation `MESSAGE_TOO_BIG` for a part above the bound, `BAD_RESPONSE` for a delimiter that is followed by something else on its line
   */
  push(chunk: Uint8Array): readonly Part[] {
    const parts: Part[] = [];
    if (this.#state === 'ended') return parts;
    this.#queue.append(chunk);
    let hasAdvanced = true;
    while (hasAdvanced) hasAdvanced = this.#advance(parts);
    return parts;
  }

  /** Whether there was enough to leave the state. */
  #advance(parts: Part[]): boolean {
    switch (this.#state) {
      case 'preamble':
        return this.#takeSection() !== undefined;
      case 'delimiter':
        return this.#readDelimiterLine();
      case 'part': {
        const section = this.#takeSection();
        const part = section && parsePart(section);
        if (part) parts.push(part);
        return section !== undefined;
      }
      case 'ended':
        return false;
    }
  }

  /** The bytes up to the next delimiter; `undefined` while that has not come. */
  #takeSection(): Uint8Array | undefined {
    const { bytes } = this.#queue;
    const at = indexOf(bytes, this.#delimiter, this.#searched);
    // the last bytes may be the beginning of a delimiter
    this.#searched = at === -1 ? Math.max(0, bytes.length - this.#delimiter.length + 1) : at;
    if (this.#searched - lineEnd.length > this.#maximum) {
      throw new ProtocolViolation('MESSAGE_TOO_BIG', `a part has more than ${this.#maximum} bytes`);
    }
    if (at === -1) return undefined;
    this.#enter('delimiter', at + this.#delimiter.length);
    return bytes.subarray(0, at);
  }

  #readDelimiterLine(): boolean {
    this.#queue.drop(paddingLength(this.#queue.bytes));
    const [first, second] = this.#queue.bytes;
    if (first === undefined || second === undefined) return false;
    if (first === hyphen && second === hyphen) {
      this.#enter('ended', this.#queue.bytes.length);
      return true;
    }
    if (first !== carriageReturn || second !== lineFeed) {
      throw new ProtocolViolation('BAD_RESPONSE', 'a delimiter is followed by something else');
    }
    this.#enter('part', 0);
    return true;
  }

  #enter(state: State, consumedBytes: number): void {
    this.#state = state;
    this.#queue.drop(consumedBytes);
    this.#searched = 0;
  }
}

/** Spaces and tabs may stand between a delimiter and the end of its line. */
function paddingLength(bytes: Uint8Array): number {
  const length = bytes.findIndex((byte) => byte !== space && byte !== tab);
  return length === -1 ? bytes.length : length;
}

/** @param section - the part behind the line end of the delimiter before it */
function parsePart(section: Uint8Array): Part | undefined {
  const text = new TextDecoder().decode(section);
  const headEnd = text.indexOf('\r\n\r\n');
  const headers = parseHeaders(headEnd === -1 ? text : text.slice(0, headEnd));
  const body = headEnd === -1 ? '' : text.slice(headEnd + 4);
  return headers.size === 0 && body === '' ? undefined : { headers, body };
}

function parseHeaders(head: string): ReadonlyMap<string, string> {
  const headers = new Map<string, string>();
  for (const line of head.split('\r\n')) {
    const colon = line.indexOf(':');
    if (colon > 0)
      headers.set(line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim());
  }
  return headers;
}

function indexOf(bytes: Uint8Array, pattern: Uint8Array, from: number): number {
  const last = bytes.length - pattern.length;
  for (
    let at = bytes.indexOf(carriageReturn, from);
    at !== -1 && at <= last;
    at = bytes.indexOf(carriageReturn, at + 1)
  ) {
    if (hasAt(bytes, pattern, at)) return at;
  }
  return -1;
}

function hasAt(bytes: Uint8Array, pattern: Uint8Array, at: number): boolean {
  let length = 0;
  while (length < pattern.length && bytes[at + length] === pattern[length]) length += 1;
  return length === pattern.length;
}
