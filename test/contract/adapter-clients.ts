import { once } from 'node:events';
import { request } from 'node:http';
import type { ClientRequest, IncomingMessage } from 'node:http';

import { WebSocket } from 'ws';

import type { Stage } from '../support/adapter-stage.ts';
import { connectSocket } from '../support/socket-client.ts';
import type { SocketClient } from '../support/socket-client.ts';

const json = { 'content-type': 'application/json' };

/** Posts an operation. */
export function post(
  { url }: Stage,
  query: string,
  init: { readonly accept?: string; readonly signal?: AbortSignal } = {},
): Promise<Response> {
  const { accept, signal } = init;
  return fetch(url, {
    method: 'POST',
    headers: { ...json, ...(accept !== undefined && { accept }) },
    body: JSON.stringify({ query }),
    ...(signal && { signal }),
  });
}

/** A response body that is read as far as a test wants. */
export class BodyReader {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #decoder = new TextDecoder();
  text = '';
  bytes = 0;

  constructor({ body }: Response) {
    if (body === null) throw new Error('the response has no body');
    this.#reader = body.getReader();
  }

  /** Reads until `isEnough`. */
  async until(isEnough: () => boolean): Promise<void> {
    while (!isEnough()) {
      const { done, value } = await this.#reader.read();
      if (done) throw new Error(`the response has ended: ${this.text.slice(-200)}`);
      this.bytes += value.length;
      this.text += this.#decoder.decode(value, { stream: true });
    }
  }

  cancel(): Promise<void> {
    return this.#reader.cancel();
  }
}

/** Posts a request whose body the test writes, or whose answer it does not read. */
export function postSlowly(
  { url }: Stage,
  headers: Readonly<Record<string, string>> = {},
): ClientRequest {
  const asked = request(url, { method: 'POST', headers: { ...json, ...headers } });
  asked.on('error', () => {}); // a server that has answered may close
  return asked;
}

/** The answer, whose body is not read. */
export async function answerOf(asked: ClientRequest): Promise<IncomingMessage> {
  const [answer] = (await once(asked, 'response')) as [IncomingMessage];
  return answer;
}

/** A socket whose init was acknowledged. */
export async function connectReady({ url }: Stage): Promise<SocketClient> {
  const client = await connectSocket(url, ['graphql-transport-ws']);
  client.send('{"type":"connection_init"}');
  const ack = await client.next();
  if (ack.kind !== 'message') throw new Error('the server did not acknowledge');
  return client;
}

/** Starts an operation. */
export function subscribe(client: Pick<SocketClient, 'send'>, query: string): void {
  client.send(JSON.stringify({ id: '1', type: 'subscribe', payload: { query } }));
}

/** The status of an upgrade that is refused. */
export async function statusOfUpgrade(
  { url }: Stage,
  headers: Readonly<Record<string, string>> = {},
): Promise<number | undefined> {
  const socket = new WebSocket(url.replace(/^http/, 'ws'), ['graphql-transport-ws'], { headers });
  socket.on('error', () => {}); // that it was refused is what we want to see
  const [, answer] = (await once(socket, 'unexpected-response')) as [unknown, IncomingMessage];
  answer.resume();
  socket.terminate();
  return answer.statusCode;
}
