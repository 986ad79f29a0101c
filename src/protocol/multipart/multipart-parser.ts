import { ProtocolViolation } from '../../errors.ts';

/** One part of a multipart body. */
export interface Part {
  /** By lower-case name. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

/** Bounds of a {@link MultipartParser}. */
export interface MultipartParserOptions {
  /** Characters of one part, its headers included, and of what stands before the first. @defaultValue 16_777_216 */
  readonly partCharacters?: number;
}

/** The line end before a part belongs to it while it is read: an empty part has its delimiter right there. */
const lineEnd = '\r\n';

type State =
  /** Before the first delimiter; what stands there is ignored. */
  | 'preamble'
  /** Right behind a delimiter: the rest of its line decides whether a part follows. */
  | 'delimiter'
  | 'part'
  /** The closing delimiter came; what follows is ignored. */
  | 'ended';

/**
 * Reads a `multipart/mixed` body in UTF-8 from chunks that may end anywhere (RFC 2046 section 5.1).
 *
 * @remarks
 * A part is handed out as soon as the delimiter behind it is complete; the bytes after that are not waited for. A part without headers and body is left
 * out. The work is linear in the bytes.
 */
export class MultipartParser {
  readonly #delimiter: string;
  readonly #maximum: number;
  readonly #decoder = new TextDecoder();
  #state: State = 'preamble';
  /** The beginning of a section, in which no delimiter begins. It grows by concatenation, which copies nothing. */
  #searched = '';
  /** What was read behind that; a body may begin with a delimiter. */
  #text = lineEnd;

  /** @param boundary - as `parseBoundary` gives it */
  constructor(
    boundary: string,
    { partCharacters = 16 * 1_024 * 1_024 }: MultipartParserOptions = {},
  ) {
    this.#delimiter = `${lineEnd}--${boundary}`;
    this.#maximum = partCharacters;
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
    this.#text += this.#decoder.decode(chunk, { stream: true });
    while (this.#state === 'delimiter' ? this.#readDelimiterLine() : this.#readSection(parts));
    return parts;
  }

  /** Whether the section has come to its end. */
  #readSection(parts: Part[]): boolean {
    if (this.hasEnded) return false;
    const text = this.#text;
    const at = text.indexOf(this.#delimiter);
    // the last characters may be the beginning of a delimiter
    const end = at < 0 ? Math.max(0, text.length - this.#delimiter.length + 1) : at;
    this.#searched += text.slice(0, end);
    if (this.#searched.length - lineEnd.length > this.#maximum) {
      throw new ProtocolViolation(
        'MESSAGE_TOO_BIG',
        `a part has more than ${this.#maximum} characters`,
      );
    }
    this.#text = text.slice(at < 0 ? end : end + this.#delimiter.length);
    if (at < 0) return false;
    const part = this.#state === 'part' && parsePart(this.#searched);
    if (part) parts.push(part);
    this.#searched = '';
    this.#state = 'delimiter';
    return true;
  }

  /** Whether a part follows. */
  #readDelimiterLine(): boolean {
    // spaces and tabs may stand before the end of the line
    const text = this.#text.replace(/^[ \t]+/, '');
    this.#text = text;
    if (text.startsWith('--')) this.#state = 'ended';
    else if (text.startsWith(lineEnd)) this.#state = 'part';
    else if (text.length > 1) {
      throw new ProtocolViolation('BAD_RESPONSE', 'a delimiter is followed by something else');
    }
    return this.#state === 'part';
  }
}

/** @param section - the part behind the line end of the delimiter before it */
function parsePart(section: string): Part | undefined {
  const headEnd = section.indexOf('\r\n\r\n');
  const head = headEnd < 0 ? section : section.slice(0, headEnd);
  const body = headEnd < 0 ? '' : section.slice(headEnd + 4);
  const headers = new Map<string, string>();
  for (const line of head.split(lineEnd)) {
    const colon = line.indexOf(':');
    if (colon > 0)
      headers.set(line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim());
  }
  return headers.size > 0 || body ? { headers, body } : undefined;
}
