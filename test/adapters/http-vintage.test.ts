import { GraphQLError } from 'graphql';
import type { Running } from 'millrace/adapters/node';
import { listen } from 'millrace/adapters/node';
import type { ServerOptions } from 'millrace/server';
import { createServer } from 'millrace/server';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { createFixtureApp } from '../support/fixture-app.ts';
import type { HttpReceived, HttpSent } from '../support/http-client.ts';
import { sendHttp } from '../support/http-client.ts';

const json = 'application/json';
const graphqlResponse = 'application/graphql-response+json';

type Vintage = NonNullable<ServerOptions['statusVintage']>;

const running = new Map<Vintage, Running>();

async function serve(statusVintage: Vintage): Promise<Running> {
  const app = createFixtureApp();
  await app.broker.close(); // so that a mutation fails, and its result is `data: null`
  const server = createServer({
    schema: app.schema,
    broker: app.broker,
    statusVintage,
    limits: { bodyBytes: 2_000 },
    onInternalError: () => {},
    onConnect: ({ request }) => {
      if (request.headers['x-visitor'] === 'broken') throw new Error('no database');
      return request.headers['x-visitor'] !== 'banned';
    },
    onSubscribe: ({ request }) =>
      request.headers['x-visitor'] === 'nobody'
        ? [new GraphQLError('who are you?', { extensions: { code: 'UNAUTHORIZED' } })]
        : undefined,
    onNext: ({ request }) =>
      request.headers['x-visitor'] === 'late'
        ? { errors: [{ message: 'too late', extensions: { code: 'FORBIDDEN' } }] }
        : undefined,
  });
  return listen(server, { port: 0, host: '127.0.0.1' });
}

beforeAll(async () => {
  for (const vintage of ['earlier', 'draft'] as const) running.set(vintage, await serve(vintage));
});
afterAll(async () => {
  for (const server of running.values()) await server.close();
});

/** Status codes of one condition: in the draft for either media type, in the earlier vintage for each. */
interface Statuses {
  readonly draft: number;
  readonly graphqlResponse: number;
  readonly json: number;
}
type Row = readonly [condition: string, sent: HttpSent, statuses: Statuses];

/** The same in every column. */
const always = (status: number): Statuses => ({
  draft: status,
  graphqlResponse: status,
  json: status,
});
const malformed: Statuses = { draft: 422, graphqlResponse: 400, json: 400 };
const invalid: Statuses = { draft: 422, graphqlResponse: 400, json: 200 };
const visitor = (name: string): HttpSent => ({
  headers: { 'x-visitor': name },
  body: { query: '{ hello }' },
});

const withData: readonly Row[] = [
  ['GH-27 data without errors', { body: { query: '{ hello }' } }, always(200)],
];

const partial: readonly Row[] = [
  [
    'GH-26, GH-28 data beside errors',
    { body: { query: '{ hello fails }' } },
    { draft: 294, graphqlResponse: 200, json: 200 },
  ],
  [
    'GH-28 data that is null, with errors',
    { body: { query: 'mutation { post(room: "r", text: "t") }' } },
    { draft: 294, graphqlResponse: 200, json: 200 },
  ],
];

const withoutData: readonly Row[] = [
  ['GH-11 a body that is not JSON', { body: '{"query":' }, always(400)],
  ['GH-12 a body that is a list', { body: '[]' }, malformed],
  ['GH-13 a query that is missing', { body: { qeury: '{ hello }' } }, malformed],
  ['GH-14 a query of a wrong type', { body: { query: 3 } }, malformed],
  [
    'GH-15 an operation name of a wrong type',
    { body: { query: '{ hello }', operationName: 3 } },
    malformed,
  ],
  ['GH-16 variables of a wrong type', { body: { query: '{ hello }', variables: [7] } }, malformed],
  [
    'GH-17 extensions of a wrong type',
    { body: { query: '{ hello }', extensions: 'x' } },
    malformed,
  ],
  [
    'GH-35 variables by GET that are not JSON',
    { method: 'GET', path: '/graphql?query=%7Bhello%7D&variables=%7B' },
    always(400),
  ],
  [
    'a parameter by GET that occurs twice',
    { method: 'GET', path: '/graphql?query=%7Bhello%7D&query=%7Bfails%7D' },
    malformed,
  ],
  [
    'GH-21 a syntax error',
    { body: { query: '{ hello' } },
    { draft: 400, graphqlResponse: 400, json: 200 },
  ],
  ['GH-22 a validation error', { body: { query: '{ nope }' } }, invalid],
  [
    'a document above a limit',
    { body: { query: `{ ${Array.from({ length: 31 }, (_, n) => `a${n}: hello`).join(' ')} }` } },
    invalid,
  ],
  [
    'GH-23 an operation that cannot be determined',
    { body: { query: '{ hello }', operationName: 'other' } },
    invalid,
  ],
  [
    'GH-24 a variable that cannot be coerced',
    { body: { query: 'query ($n: Int!) { double(n: $n) }', variables: { n: 'two' } } },
    invalid,
  ],
  ['a client that did not say who it is', visitor('nobody'), always(401)],
  ['a client that may not come in', visitor('banned'), always(403)],
  ['a client whose result a hook took back', visitor('late'), always(403)],
  ['a failure of the server', visitor('broken'), always(500)],
  [
    'GH-31 a mutation by GET',
    { method: 'GET', path: '/graphql?query=mutation%7Bpost(room:"a",text:"b")%7D' },
    always(405),
  ],
  ['GH-37 a method that is not supported', { method: 'PATCH' }, always(405)],
  [
    'GH-10 a content type that is not supported',
    { headers: { 'content-type': 'text/plain' }, body: '{ hello }' },
    always(415),
  ],
  ['GH-38 a body that is too big', { body: 'x'.repeat(2_001) }, always(413)],
  [
    'GH-40 a subscription that nothing accepted can carry',
    { body: { query: 'subscription { countdown(from: 1) }' } },
    always(406),
  ],
];

/** The row as a client of `accept` sends it to the server of `vintage`. */
async function ask(vintage: Vintage, accept: string, sent: HttpSent): Promise<HttpReceived> {
  const { url } = running.get(vintage) ?? { url: '' };
  return sendHttp(url, { ...sent, headers: { ...sent.headers, accept } });
}

function typeOf({ headers }: HttpReceived): string | undefined {
  return headers['content-type']?.replace('; charset=utf-8', '');
}

describe('the status codes of the current draft', () => {
  it.each([...withData, ...partial, ...withoutData])(
    '%s, for a client of the new type',
    async (_condition, sent, { draft }) => {
      const received = await ask('draft', graphqlResponse, sent);

      expect([received.status, typeOf(received)]).toEqual([draft, graphqlResponse]);
    },
  );

  it.each([...withData])('%s, relabelled for a client of JSON', async (_condition, sent) => {
    const received = await ask('draft', json, sent);

    expect([received.status, typeOf(received)]).toEqual([200, json]);
  });

  // 294 is meant to stand next to the new type alone; many a client of JSON takes whatever is not 200 for a failure of the network
  it.each(partial)('%s, 200 for a client of JSON', async (_condition, sent) => {
    const received = await ask('draft', json, sent);

    expect([received.status, typeOf(received)]).toEqual([200, json]);
  });

  it.each(withoutData)(
    '%s, in the new type also for a client of JSON',
    async (_condition, sent, { draft }) => {
      const received = await ask('draft', json, sent);

      expect([received.status, typeOf(received)]).toEqual([draft, graphqlResponse]);
    },
  );

  it('GH-8 nothing acceptable: 406, in the new type', async () => {
    const received = await ask('draft', 'text/html', { body: { query: '{ hello }' } });

    expect([received.status, typeOf(received)]).toEqual([406, graphqlResponse]);
  });
});

describe('the status codes of the earlier vintage', () => {
  it.each([...withData, ...partial, ...withoutData])(
    '%s, for a client of the new type',
    async (_condition, sent, statuses) => {
      const received = await ask('earlier', graphqlResponse, sent);

      expect([received.status, typeOf(received)]).toEqual([
        statuses.graphqlResponse,
        graphqlResponse,
      ]);
    },
  );

  it.each([...withData, ...partial, ...withoutData])(
    '%s, for a client of JSON',
    async (_condition, sent, statuses) => {
      const received = await ask('earlier', json, sent);

      expect([received.status, typeOf(received)]).toEqual([statuses.json, json]);
    },
  );

  it('GH-8 nothing acceptable: 406, in JSON', async () => {
    const received = await ask('earlier', 'text/html', { body: { query: '{ hello }' } });

    expect([received.status, typeOf(received)]).toEqual([406, json]);
  });
});

const columns = (['earlier', 'draft'] as const).flatMap((vintage) =>
  [graphqlResponse, json].map((accept) => ({ vintage, accept })),
);

describe.each(columns)('in the $vintage vintage, for $accept', ({ vintage, accept }) => {
  it.each([...withData, ...partial])('%s has a 2xx', async (_condition, sent) => {
    const { status, json: body } = await ask(vintage, accept, sent);

    expect(body).toHaveProperty('data');
    expect(Math.floor(status / 100)).toBe(2);
  });

  it.each(withoutData)(
    'GH-29 %s is a GraphQL response, GH-25 and next to the new type a 4xx or 5xx',
    async (_condition, sent) => {
      const received = await ask(vintage, accept, sent);

      expect(received.json).toEqual({
        errors: [expect.objectContaining({ message: expect.any(String) })],
      });
      expect(typeOf(received) !== graphqlResponse || received.status >= 400).toBe(true);
    },
  );

  it('GH-32 a 405 says what is allowed', async () => {
    const allowed = [];
    for (const [, sent] of withoutData.filter(([, , { draft }]) => draft === 405))
      allowed.push((await ask(vintage, accept, sent)).headers['allow']);

    expect(allowed).toEqual(['POST', 'GET, POST, PUT, DELETE']);
  });
});
