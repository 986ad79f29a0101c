import type { TransportError } from '../transport-error.ts';
import type { ResponseLike } from './fetch-options.ts';
import { shownCharacters, toFailure } from './response-failure.ts';

/** The members of a response of `node:http` that are looked at. */
export interface NodeResponseLike extends AsyncIterable<Uint8Array> {
  readonly statusCode?: number | undefined;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  destroy(): unknown;
}

/** How long a body is waited for, in milliseconds: the status alone is an answer, too. */
const bodyPatienceMs = 1_000;

/** What it means that a server answered the request to upgrade with `response`. Reads no more of that than is shown. */
export async function toRefusal(response: NodeResponseLike): Promise<TransportError> {
  const { statusCode: status = 0, headers } = response;
  const body = await readHead(response);
  const get = (name: string): string | null => headers[name]?.toString() ?? null;
  const likeFetched = { ok: status >= 200 && status < 300, status, headers: { get } };
  return toFailure(likeFetched as unknown as ResponseLike, body); // all that is looked at besides the body
}

/** The beginning of the body: what came before the limit, the end, or too long a pause. */
async function readHead(response: NodeResponseLike): Promise<string> {
  const decoder = new TextDecoder();
  const timer = setTimeout(() => response.destroy(), bodyPatienceMs);
  let text = '';
  try {
    for await (const chunk of response) {
      text += decoder.decode(chunk, { stream: true });
      if (text.length >= shownCharacters) break;
    }
  } catch {
    // what came is what there is
  } finally {
    clearTimeout(timer);
  }
  return text;
}
