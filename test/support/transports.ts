import type { OperationRequest } from 'millrace';
import type { HttpRequest, HttpResponse } from 'millrace/server';

import type { Conversation } from './conversation.ts';
import type { MemoryClient } from './memory-client.ts';

/** What became of a request, in words that every transport can say: its first result, or the code that refused it. */
export type Verdict =
  | { readonly data: unknown; readonly errors?: readonly string[] }
  | { readonly code: unknown };

/** Sends a request to the server of a conversation, and leaves with the first answer. */
export type Ask = (conversation: Conversation, request: OperationRequest) => Promise<Verdict>;

interface Answer {
  readonly data?: unknown;
  readonly errors?: readonly {
    readonly message: string;
    readonly extensions?: { readonly code?: unknown };
  }[];
}

function toVerdict({ data, errors }: Answer): Verdict {
  if (data === undefined) return { code: errors?.[0]?.extensions?.code };
  return { data, ...(errors && { errors: errors.map(({ message }) => message) }) };
}

/** What the server says next, however many turns of the event loop a digest takes on its thread. */
async function heardBy(
  client: MemoryClient,
): Promise<{ readonly type: string; readonly payload: unknown }> {
  for (let waits = 0; waits < 10_000 && (await client.rest()).length === 0; waits += 1);
  const observation = await client.next();
  if (observation.kind !== 'message') throw new Error(`unexpected ${observation.kind}`);
  return observation.message as { readonly type: string; readonly payload: unknown };
}

const overSocket: Ask = async (conversation, request) => {
  const client = await conversation.ready();
  client.send(JSON.stringify({ id: '1', type: 'subscribe', payload: request }));
  const { type, payload } = await heardBy(client);
  client.vanish();
  return toVerdict((type === 'error' ? { errors: payload } : payload) as Answer);
};

const overLegacySocket: Ask = async (conversation, request) => {
  const client = await conversation.ready({ protocol: 'subscriptions-transport-ws' });
  await client.next(); // ka
  client.send(JSON.stringify({ id: '1', type: 'start', payload: request }));
  const { type, payload } = await heardBy(client);
  client.vanish();
  return toVerdict((type === 'error' ? { errors: [payload] } : payload) as Answer);
};

/** The request as a program sends it that knows nothing of browsers. */
export function post(request: object, accept = 'application/graphql-response+json'): HttpRequest {
  return {
    method: 'POST',
    url: '/graphql',
    headers: { 'content-type': 'application/json', accept },
    body: () => Promise.resolve({ text: JSON.stringify(request) }),
  };
}

const overHttp: Ask = async ({ server }, request) => {
  const response = await server.handleRequest(post(request));
  if (response.kind !== 'whole') throw new Error('unexpected stream');
  return toVerdict(JSON.parse(response.body) as Answer);
};

const overEventStream: Ask = async (conversation, request) => {
  const leaving = new AbortController();
  const response = await conversation.server.handleRequest({
    ...post(request, 'text/event-stream'),
    signal: leaving.signal,
  });
  const payload = await firstEventOf(response, conversation);
  leaving.abort();
  return toVerdict(payload);
};

async function firstEventOf(response: HttpResponse, { clock }: Conversation): Promise<Answer> {
  // who may not ask at all is told by a status
  if (response.kind === 'whole') return JSON.parse(response.body) as Answer;
  let text = '';
  // a real stream tells later, never from inside end()
  const close = (): void => queueMicrotask(() => events.closed());
  const stream = {
    write: (more: string) => (text += more),
    end: close,
    destroy: close,
    bufferedBytes: 0,
  };
  const events = response.open(stream);
  const firstEvent = /^event: next\ndata: (.*)$/m;
  for (let waits = 0; waits < 10_000 && !firstEvent.test(text); waits += 1) await clock.turn();
  return JSON.parse(firstEvent.exec(text)?.[1] ?? '{}') as Answer;
}

const directly: Ask = async ({ server }, request) => toVerdict(await server.execute(request));

/** Everything that carries queries and mutations. A new transport joins by one line. */
export const transports = { overSocket, overLegacySocket, overHttp, overEventStream, directly };

/** Everything that carries queries and mutations for a client, and calls the hooks of its session. */
export const clientTransports = { overSocket, overLegacySocket, overHttp, overEventStream };

const subscribingDirectly: Ask = async ({ server }, request) => {
  const subscription = await server.subscribe(request);
  if (subscription.kind === 'refused') return toVerdict(subscription);
  const item = await subscription.source.read();
  await subscription.source.close();
  if (item?.kind !== 'event') throw new Error('the source gave no event');
  return toVerdict(await subscription.execute(item.event));
};

/** Everything that carries subscriptions. */
export const subscribingTransports = {
  overSocket,
  overLegacySocket,
  overEventStream,
  subscribingDirectly,
};
