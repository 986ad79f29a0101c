import type { HttpRequest, RequestHead } from '../server/index.ts';

/** What a server needs to know of a request, without the request itself: a connection may last for days. */
export function toRequestHead(
  request: Request,
  { host, pathname, search }: URL,
  remoteAddress: string | undefined,
): RequestHead {
  return {
    method: request.method,
    url: pathname + search,
    // over HTTP/2 some runtimes have the host in the URL alone
    headers: { host, ...Object.fromEntries(request.headers) },
    ...(remoteAddress !== undefined && { remoteAddress }),
  };
}

/** A `Request` as a server reads it, until its answer has begun. */
export class FetchRequest implements HttpRequest {
  readonly head: RequestHead;
  readonly method: string;
  readonly url: string;
  readonly headers: RequestHead['headers'];
  readonly signal: AbortSignal;
  readonly #request: Request;
  #reader: ReadableStreamDefaultReader<Uint8Array> | undefined;

  constructor(request: Request, head: RequestHead) {
    this.head = head;
    this.method = head.method;
    this.url = head.url;
    this.headers = head.headers;
    this.signal = request.signal;
    this.#request = request;
  }

  /** @throws the failure of the runtime if the client leaves */
  async body(maximumBytes: number): Promise<{ readonly text: string } | 'too-big'> {
    if (Number(this.headers['content-length'] ?? 0) > maximumBytes) return 'too-big';
    const { body } = this.#request;
    if (body === null) return { text: '' };
    this.#reader = body.getReader();
    return readText(this.#reader, maximumBytes);
  }

  /** @yields each piece of the body, which is read when somebody asks for it */
  async *chunks(): AsyncGenerator<Uint8Array> {
    const reader = this.#request.body?.getReader();
    if (reader === undefined) return;
    try {
      for (let piece = await reader.read(); !piece.done; piece = await reader.read())
        yield piece.value;
    } finally {
      reader.cancel().catch(ignore);
    }
  }

  /** Reads nothing more of a text that nobody wants. */
  discardRest(): void {
    this.#reader?.cancel().catch(ignore); // of a body that was read, or whose client is gone, nothing is left
  }
}

/** Reads UTF-8, at most `maximumBytes` of it. Rejects if the client leaves in between. */
async function readText(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  maximumBytes: number,
): Promise<{ readonly text: string } | 'too-big'> {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  const texts: string[] = [];
  let bytes = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    bytes += value.length;
    if (bytes > maximumBytes) return 'too-big';
    texts.push(decoder.decode(value, { stream: true }));
  }
  texts.push(decoder.decode());
  return { text: texts.join('') };
}

function ignore(): void {}
