import { ProtocolViolation } from '../../errors.ts';
import { ByteQueue } from './byte-queue.ts';

/** One part of a multipart body; header names are in lower case. */
export interface Part {
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

/** Bounds of a {@link MultipartParser}. */
export interface MultipartParserOptions {
  /** Bytes of one part, its headers included, and of what stands before the first. @defaultValue 16_777_216 */
  readonly partBytes?: number;
}

const defaults = { partBytes: 16 * 1_024 * 1_024 } as const satisfies MultipartParserOptions;

const carriageReturn = 0x0d;
const lineFeed = 0x0a;
const hyphen = 0x2d;

type State =
  /** Before the first delimiter; what stands there is ignored. */
  | { readonly kind: 'preamble' }
  /** Right behind a delimiter: its line decides whether a part follows. */
  | { readonly kind: 'delimiter' }
  | { readonly kind: 'part' }
  /** The closing delimiter came; what follows is ignored. */
  | { readonly kind: 'ended' };

/**
 * Reads a `multipart/mixed` body from chunks that may end anywhere (RFC 2046 section 5.1).
 *
 * @remarks
 * A part is handed out as soon as the delimiter behind it is complete; the bytes after that are not waited for. The work is linear in the bytes.
 */
export class MultipartParser {
  readonly #delimiter: Uint8Array;
  readonly #maximum: number;
  #state: State = { kind: 'preamble' };
  /** What was read and not used. */
  readonly #queue = new ByteQueue();
  /** Where to go on searching: nothing before it begins a delimiter. */
  #searched = 0;

  constructor(boundary: string, options: MultipartParserOptions = {}) {
    this.#delimiter = new TextEncoder().encode(`\r\n--${boundary}`);
    this.#maximum = options.partBytes ?? defaults.partBytes;
    // a body may begin with a delimiter, so it starts as if a line had just ended
    this.#queue.append(new Uint8Array([carriageReturn, lineFeed]));
  }

  /** Whether the closing delimiter was read: a body that stops before it was cut off. */
  get hasEnded(): boolean {
    return this.#state.kind === 'ended';
  }

  /**
   * Reads the next bytes.
   *
   * @throws ProtocolViolation `MESSAGE_TOO_BIG` for a part above the bound, `BAD_RESPONSE` for a delimiter that is followed by something else on its line
   */
  push(chunk: Uint8Array): readonly Part[] {
    if (this.#state.kind === 'ended') return [];
    this.#queue.append(chunk);
    const parts: Part[] = [];
    for (let hasAdvanced = true; hasAdvanced;) hasAdvanced = this.#advance(parts);
    if (this.#queue.bytes.length > this.#maximum) {
      throw new ProtocolViolation('MESSAGE_TOO_BIG', `a part has more than ${this.#maximum} bytes`);
    }
    return parts;
  }

  #advance(parts: Part[]): boolean {
    switch (this.#state.kind) {
      case 'preamble':
        return this.#skipToDelimiter();
      case 'delimiter':
        return this.#readDelimiterLine();
      case 'part':
        return this.#readPart(parts);
      case 'ended':
        return false;
    }
  }

  #skipToDelimiter(): boolean {
    const at = this.#find();
    if (at === -1) return false;
    this.#consume(at + this.#delimiter.length);
    this.#state = { kind: 'delimiter' };
    return true;
  }

  #readDelimiterLine(): boolean {
    const { bytes } = this.#queue;
    if (bytes.length < 2) return false;
    if (bytes[0] === hyphen && bytes[1] === hyphen) {
      this.#state = { kind: 'ended' };
      this.#consume(bytes.length);
      return false;
    }
    const end = indexOfLineEnd(bytes);
    if (end === -1) return false;
    if (new TextDecoder().decode(bytes.subarray(0, end)).trim() !== '') {
      throw new ProtocolViolation('BAD_RESPONSE', 'a delimiter is followed by something else');
    }
    // the line end stays: an empty part has its delimiter right there, and a part without headers its empty line
    this.#consume(end);
    this.#state = { kind: 'part' };
    return true;
  }

  #readPart(parts: Part[]): boolean {
    const at = this.#find();
    if (at === -1) return false;
    const part = parsePart(new TextDecoder().decode(this.#queue.bytes.subarray(0, at)));
    if (part) parts.push(part);
    this.#consume(at + this.#delimiter.length);
    this.#state = { kind: 'delimiter' };
    return true;
  }

  #find(): number {
    const { bytes } = this.#queue;
    const at = indexOf(bytes, this.#delimiter, this.#searched);
    // the last bytes may be the beginning of a delimiter
    this.#searched = at === -1 ? Math.max(0, bytes.length - this.#delimiter.length + 1) : at;
    if (at === -1 && this.#state.kind === 'preamble') this.#consume(this.#searched);
    return at;
  }

  #consume(count: number): void {
    this.#queue.drop(count);
    this.#searched = 0;
  }
}

/** Undefined for an empty part: two delimiters with nothing between them. */
function parsePart(text: string): Part | undefined {
  const content = text.replace(/^\r\n/, '');
  if (content === '') return undefined;
  const headerEnd = content.startsWith('\r\n') ? 0 : content.indexOf('\r\n\r\n');
  const head = content.slice(0, Math.max(0, headerEnd));
  const body = headerEnd === -1 ? '' : content.slice(headerEnd === 0 ? 2 : headerEnd + 4);
  return { headers: parseHeaders(head), body };
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

function indexOfLineEnd(bytes: Uint8Array): number {
  for (
    let at = bytes.indexOf(carriageReturn);
    at !== -1;
    at = bytes.indexOf(carriageReturn, at + 1)
  ) {
    if (bytes[at + 1] === lineFeed) return at;
  }
  return -1;
}

function indexOf(bytes: Uint8Array, pattern: Uint8Array, from: number): number {
  for (
    let at = bytes.indexOf(carriageReturn, from);
    at !== -1;
    at = bytes.indexOf(carriageReturn, at + 1)
  ) {
    if (at + pattern.length > bytes.length) return -1;
    if (pattern.every((byte, offset) => bytes[at + offset] === byte)) return at;
  }
  return -1;
}
