import { make } from 'multipasta';
import type { PartInfo } from 'multipasta';

import { HttpProblem } from '../http-problem.ts';
import { parseHeaderValue } from '../media-type.ts';
import { joinBytes } from './join-bytes.ts';
import { invalidForm } from './upload-problem.ts';

/** What the headers of a part say. */
export interface PartHead {
  readonly name: string;
  /** `undefined` for a field that is no file. */
  readonly fileName: string | undefined;
  readonly type: string;
}

/** Takes the bytes of one part. */
export interface PartSink {
  chunk(bytes: Uint8Array): void;
  end(): void;
}

const hyphen = 0x2d;

/** Reads `multipart/form-data` (RFC 7578) in chunks of any size. */
export class FormParser {
  readonly #parser: Pick<ReturnType<typeof make>, 'write' | 'end'>;
  #problem: HttpProblem | undefined;
  /** The closing delimiter was read; what comes after it means nothing (RFC 2046 section 5.1.1). */
  #isComplete = false;
  /** Hyphens at the end of what came: the parser takes the two after the closing delimiter for what they are only if they come together. */
  #held: Uint8Array = nothing;

  /** @param onPart - called for each part as it begins; what it throws is thrown by {@link FormParser.write} */
  constructor(contentType: string, onPart: (head: PartHead) => PartSink) {
    this.#parser = make({
      headers: { 'content-type': contentType },
      // all parts are told in the same way, so that nothing depends on how the parser reads file names
      isFile: () => true,
      onFile: (info) => this.#begin(info, onPart),
      onField: () => {},
      onError: ({ _tag: reason }) => {
        this.#problem ??= invalidForm(`the body is not a form: ${reason}`);
      },
      onDone: () => {
        this.#isComplete = true;
      },
    });
  }

  /** Throws {@link HttpProblem} for what is no form. */
  write(chunk: Uint8Array): void {
    const bytes = this.#held.length === 0 ? chunk : joinBytes(this.#held, chunk);
    const end = bytes.length - countHyphensAtEnd(bytes);
    this.#held = bytes.subarray(end);
    if (end > 0) this.#feed(bytes.subarray(0, end));
  }

  /** Throws {@link HttpProblem} if something is missing. */
  end(): void {
    if (this.#held.length > 0) this.#feed(this.#held);
    if (!this.#isComplete) this.#parser.end();
    if (!this.#isComplete) throw invalidForm('the body ends before its form does');
  }

  #feed(bytes: Uint8Array): void {
    if (this.#isComplete) return;
    try {
      this.#parser.write(bytes);
    } catch (error) {
      // what a sink says; the parser itself throws for a file name that is not what its header announces
      throw error instanceof HttpProblem ? error : invalidForm('the body is not a form');
    }
    if (this.#problem && !this.#isComplete) throw this.#problem;
  }

  #begin(info: PartInfo, onPart: (head: PartHead) => PartSink): (chunk: Uint8Array | null) => void {
    if (this.#problem) return () => {};
    const head = toPartHead(info);
    if (!head) {
      this.#problem = invalidForm('a part of the form has no name');
      return () => {};
    }
    const sink = onPart(head);
    return (chunk) => (chunk ? sink.chunk(chunk) : sink.end());
  }
}

const nothing = new Uint8Array();

/** Not by the parser, which reads no file name with characters beyond Latin-1. */
function toPartHead({ headers, contentType, filename }: PartInfo): PartHead | undefined {
  const disposition = headers['content-disposition'];
  if (typeof disposition !== 'string') return undefined;
  const { value, parameters } = parseHeaderValue(disposition);
  const name = parameters.get('name');
  if (value !== 'form-data' || name === undefined) return undefined;
  const plainName = parameters.get('filename');
  const fileName = parameters.has('filename*') ? (filename ?? plainName) : plainName;
  return {
    name: decodePercents(name),
    fileName: fileName && decodePercents(fileName),
    type: fileName === undefined || headers['content-type'] ? contentType : binary,
  };
}

const binary = 'application/octet-stream';

/** Quotes and line ends are all that browsers encode (RFC 7578 section 2, the HTML standard); any other `%` is what it is. */
function decodePercents(text: string): string {
  return text.replaceAll(/%(?:22|0D|0A)/gi, (encoded) => decodeURIComponent(encoded));
}

function countHyphensAtEnd(bytes: Uint8Array): number {
  if (bytes.at(-1) !== hyphen) return 0;
  return bytes.at(-2) === hyphen ? 2 : 1;
}
