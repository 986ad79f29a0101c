import { TransportError } from '../transport-error.ts';

/** The members of a response of `node:http` that are looked at. */
export interface ResponseLike extends AsyncIterable<Uint8Array> {
  readonly statusCode?: number | undefined;
  readonly statusMessage?: string | undefined;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  destroy(): unknown;
}

/** Statuses after which another attempt may succeed. The others say that the request is wrong, the caller is, or the server has a bug. */
const retryable: ReadonlySet<unknown> = new Set([408, 425, 429, 502, 503, 504]);

/** Characters of a body that are kept, and how long it is waited for, in milliseconds: the status alone is an answer, too. */
const bodyLimit = 1_000;
const bodyPatienceMs = 1_000;

/** What it means that a server answered the request to upgrade with `response`. Reads no more of that than it needs. */
export async function toRefusal(response: ResponseLike): Promise<TransportError> {
  const { statusCode: status = 0, statusMessage = '', headers } = response;
  const retryAfterMs = parseRetryAfter(headers['retry-after'], headers['date']);
  const body = await readHead(response);
  const isRetryable = retryable.has(status);
  return new TransportError(
    isRetryable ? 'CONNECTION_LOST' : 'CONNECTION_REFUSED',
    `The upgrade was answered with ${status} ${statusMessage}`.trimEnd(),
    isRetryable,
    { status, ...(body && { body }), ...(retryAfterMs !== undefined && { retryAfterMs }) },
  );
}

/** RFC 9110 section 10.2.3: seconds, or a date, which means something by the clock of the server alone. */
function parseRetryAfter(retryAfter: unknown, date: unknown): number | undefined {
  if (typeof retryAfter !== 'string') return undefined;
  if (/^\d+$/.test(retryAfter)) return Number(retryAfter) * 1_000;
  const now = typeof date === 'string' ? Date.parse(date) : Date.now();
  const delayMs = Date.parse(retryAfter) - now;
  return Number.isNaN(delayMs) ? undefined : Math.max(0, delayMs);
}

/** The beginning of the body: what came before the limit, the end, or too long a pause. */
async function readHead(response: ResponseLike): Promise<string> {
  const decoder = new TextDecoder();
  const timer = setTimeout(() => response.destroy(), bodyPatienceMs);
  let text = '';
  try {
    for await (const chunk of response) {
      text += decoder.decode(chunk, { stream: true });
      if (text.length >= bodyLimit) break;
    }
  } catch {
    // what came is what there is
  } finally {
    clearTimeout(timer);
  }
  return text.slice(0, bodyLimit);
}
