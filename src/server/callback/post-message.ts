import type { CallbackReply } from '../../protocol/index.ts';
import { callbackHeader, callbackVersion } from '../../protocol/index.ts';
import type { CallbackFetch, CallbackResponseLike } from './callback-options.ts';

/** What is read of an answer, so that its connection can be used again; what is longer costs the connection. */
const answerBytes = 4_096;

/** How one message is sent. */
export interface MessagePost {
  readonly fetch: CallbackFetch;
  readonly url: string;
  readonly body: string;
  readonly signal: AbortSignal;
}

/** Sends one message. Never rejects, and resolves when `signal` aborts, whatever `fetch` does. */
export async function postMessage(post: MessagePost): Promise<CallbackReply> {
  try {
    const response = await unlessAborted(send(post), post.signal);
    if (!response) return { kind: 'none' };
    const { status, headers } = response;
    await unlessAborted(readOut(response), post.signal);
    return { kind: 'answer', status, protocol: headers.get(callbackHeader) ?? undefined };
  } catch {
    // no connection, or no HTTP: what is to be said of it is that there is no answer
    return { kind: 'none' };
  }
}

/** Also rejects where `fetch` throws at once. */
async function send({ fetch, url, body, signal }: MessagePost): Promise<CallbackResponseLike> {
  const headers = { 'content-type': 'application/json', [callbackHeader]: callbackVersion };
  const response = await fetch(url, { method: 'POST', headers, body, redirect: 'manual', signal });
  // it was given up, and has come all the same
  if (signal.aborted) void discard(response);
  return response;
}

/** `undefined` once `signal` is aborted; what comes of `work` then is nobody's concern. */
function unlessAborted<Value>(
  work: Promise<Value>,
  signal: AbortSignal,
): Promise<Value | undefined> {
  return new Promise((resolve, reject) => {
    const giveUp = (): void => resolve(undefined);
    if (signal.aborted) giveUp();
    signal.addEventListener('abort', giveUp, { once: true });
    void work.then(resolve, reject).finally(() => signal.removeEventListener('abort', giveUp));
  });
}

/** Reads the body to its end, or as much as is reasonable. The status has said everything, so a body that breaks off is no failure. */
async function readOut(response: CallbackResponseLike): Promise<void> {
  const reader = response.body?.getReader();
  if (!reader) return;
  try {
    for (let bytes = 0; bytes <= answerBytes;) {
      const { done, value } = await reader.read();
      if (done) return;
      bytes += value.byteLength;
    }
    await reader.cancel();
  } catch {
    // it is gone, which is all that cancelling could do
  }
}

async function discard(response: CallbackResponseLike): Promise<void> {
  try {
    await response.body?.cancel();
  } catch {
    // as above; or it is no response at all
  }
}
