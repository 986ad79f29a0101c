import type { ClientClock } from '../transport.ts';
import type { ResponseLike } from './fetch-options.ts';

/** Reads a response's body. */
export type BodyReader = ReadableStreamDefaultReader<Uint8Array>;

/**
 * Reads a body until `reader` is cancelled.
 *
 * @yields pieces as they come; without a reader everything at once, when all of it is there
 */
export async function* chunksOf(
  response: ResponseLike,
  reader: BodyReader | undefined,
): AsyncGenerator<Uint8Array> {
  if (!reader) yield new Uint8Array(await response.arrayBuffer());
  for (;;) {
    const chunk = await reader?.read();
    if (!chunk?.value) return;
    yield chunk.value;
  }
}

/** The text that `chunks` begin with: all of it, or more than so many characters. */
async function readText(chunks: AsyncIterable<Uint8Array>, characters: number): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of chunks) {
    text += decoder.decode(chunk, { stream: true });
    if (text.length > characters) break;
  }
  return text;
}

/** How long a refusal may take to say more than its status. */
const patienceMs = 10_000;

/** The text of a response, at least as many of its `characters`. Needs no decoder where the runtime has no streams. */
export async function textOf(
  response: ResponseLike,
  reader: BodyReader | undefined,
  characters: number,
): Promise<string> {
  if (!reader && response.text) return response.text();
  return readText(chunksOf(response, reader), characters);
}

/** The text that a response begins with, as far as it comes in time; the rest is not wanted. `undefined` if the connection was lost before. */
export async function readBeginning(
  response: ResponseLike,
  characters: number,
  clock: ClientClock,
): Promise<string | undefined> {
  const reader = response.body?.getReader();
  const leave = (): void => void reader?.cancel().catch(() => {});
  const cancelTimer = clock.schedule(leave, patienceMs);
  const text = await textOf(response, reader, characters).catch(() => undefined);
  cancelTimer();
  leave();
  return text;
}

/** Nobody reads the body, which may hold its connection until then. */
export function discard({ body }: ResponseLike): void {
  body?.cancel().catch(() => {});
}
