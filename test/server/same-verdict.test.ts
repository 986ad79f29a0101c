import type { OperationRequest } from 'millrace';
import { describe, expect, it } from 'vitest';

import type { HttpRequest } from '../../src/server/http-context.ts';
import type { Conversation } from '../support/conversation.ts';
import { converse } from '../support/conversation.ts';

/** What became of a request, in words that every transport can say. */
type Verdict =
  | { readonly data: unknown; readonly errors?: readonly string[] }
  | { readonly code: unknown };

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

async function overSocket(conversation: Conversation, request: OperationRequest): Promise<Verdict> {
  const client = await conversation.ready();
  client.send(JSON.stringify({ id: '1', type: 'subscribe', payload: request }));
  const observation = await client.next();
  client.vanish();
  if (observation.kind !== 'message') throw new Error(`unexpected ${observation.kind}`);
  const { type, payload } = observation.message as {
    readonly type: string;
    readonly payload: Answer;
  };
  return toVerdict(type === 'error' ? { errors: payload as Answer['errors'] & object } : payload);
}

async function overLegacySocket(
  conversation: Conversation,
  request: OperationRequest,
): Promise<Verdict> {
  const client = await conversation.ready({ protocol: 'subscriptions-transport-ws' });
  await client.next(); // ka
  client.send(JSON.stringify({ id: '1', type: 'start', payload: request }));
  const observation = await client.next();
  client.vanish();
  if (observation.kind !== 'message') throw new Error(`unexpected ${observation.kind}`);
  const { type, payload } = observation.message as {
    readonly type: string;
    readonly payload: unknown;
  };
  return toVerdict((type === 'error' ? { errors: [payload] } : payload) as Answer);
}

async function overHttp({ server }: Conversation, request: OperationRequest): Promise<Verdict> {
  const httpRequest: HttpRequest = {
    method: 'POST',
    url: '/graphql',
    headers: { 'content-type': 'application/json', accept: 'application/graphql-response+json' },
    body: () => Promise.resolve({ text: JSON.stringify(request) }),
  };
  const response = await server.handleRequest(httpRequest);
  const body = response.kind === 'whole' ? response.body : '';
  return toVerdict(JSON.parse(body) as Answer);
}

async function directly({ server }: Conversation, request: OperationRequest): Promise<Verdict> {
  return toVerdict(await server.execute(request));
}

/** A new transport joins by one line. */
const transports = { overSocket, overLegacySocket, overHttp, directly };

const deep = (levels: number): string =>
  '{ __schema { types { '.concat('ofType { '.repeat(levels), 'name', ' }'.repeat(levels + 3));

const requests: readonly (readonly [string, OperationRequest])[] = [
  ['a query', { query: '{ hello }' }],
  ['a mutation', { query: 'mutation { post(room: "a", text: "x") }' }],
  ['variables', { query: 'query ($n: Int!) { double(n: $n) }', variables: { n: 4 } }],
  [
    'an operation by name',
    { query: 'query A { hello } query B { echo(text: "b") }', operationName: 'B' },
  ],
  ['an execution error', { query: '{ hello fails }' }],
  ['a masked error', { query: '{ leaks }' }],
  ['introspection', { query: '{ __typename }' }],
  ['an empty document', { query: '' }],
  ['a syntax error', { query: '{ hello' }],
  ['only a fragment', { query: 'fragment F on Query { hello }' }],
  ['an unknown field', { query: '{ nope }' }],
  ['an unknown argument', { query: '{ hello(x: 1) }' }],
  ['an unknown operation', { query: 'query A { hello }', operationName: 'B' }],
  ['an ambiguous operation', { query: 'query A { hello } query B { hello }' }],
  ['a missing variable', { query: 'query ($n: Int!) { double(n: $n) }' }],
  [
    'a variable of a wrong type',
    { query: 'query ($n: Int!) { double(n: $n) }', variables: { n: {} } },
  ],
  [
    'too many aliases',
    { query: `{ ${Array.from({ length: 31 }, (_, n) => `a${n}: hello`).join(' ')} }` },
  ],
  ['too many directives', { query: `{ hello ${'@include(if: true) '.repeat(51)} }` }],
  ['too much depth', { query: deep(13) }],
  ['too many tokens', { query: `{ ${'hello '.repeat(15_000)} }` }],
  [
    'a fragment cycle',
    { query: '{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }' },
  ],
  ['a prototype name as operation', { query: '{ hello }', operationName: '__proto__' }],
  ['a prototype name as variable', { query: '{ hello }', variables: { constructor: 1 } }],
];

describe.each(requests)('%s', (_title, request) => {
  it('gets the same verdict on every transport', async () => {
    const verdicts: Record<string, Verdict> = {};

    for (const [name, ask] of Object.entries(transports))
      verdicts[name] = await ask(converse(), request);

    const [first] = Object.values(verdicts);
    expect(first).toSatisfy(
      (verdict: Verdict) => 'data' in verdict || typeof verdict.code === 'string',
    );
    expect(verdicts).toEqual(
      Object.fromEntries(Object.keys(transports).map((name) => [name, first])),
    );
  });

  it('passes the same hooks on every transport that has a client', async () => {
    for (const ask of [overSocket, overLegacySocket, overHttp]) {
      const called: string[] = [];
      const conversation = converse({
        onConnect: () => {
          called.push('onConnect');
          return {};
        },
        onSubscribe: () => {
          called.push('onSubscribe');
        },
        onComplete: () => called.push('onComplete'),
        onDisconnect: () => called.push('onDisconnect'),
      });

      await ask(conversation, request);
      await conversation.clock.settle();

      expect(called).toEqual(['onConnect', 'onSubscribe', 'onComplete', 'onDisconnect']);
    }
  });
});
