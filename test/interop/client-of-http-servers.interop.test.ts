import { http } from 'millrace/client/http';
import { multipart } from 'millrace/client/multipart';
import { sse } from 'millrace/client/sse';
import { describe, expect, it } from 'vitest';

import { apolloServer } from './servers/apollo-server.ts';
import { graphqlSse } from './servers/graphql-sse.ts';
import { graphqlYoga } from './servers/graphql-yoga.ts';
import { mercuriusHttp } from './servers/mercurius.ts';
import { resultOf, watch } from './servers/seen.ts';
import { serveForeign } from './servers/server-under-test.ts';
import { toEnd } from './support/client-under-test.ts';
import { completed, failed, next } from './support/recorded-operation.ts';

const echo = {
  query: 'query ($text: String!) { echo(text: $text) }',
  variables: { text: 'Straße ✓ & 🚰' },
};

const echoed = { data: { echo: 'Straße ✓ & 🚰' } };

const countdown = { query: 'subscription { countdown(from: 2) }' };

const countedDown = [next({ data: { countdown: 2 } }), next({ data: { countdown: 1 } }), completed];

describe('GET', () => {
  it.each([
    { library: graphqlYoga, headers: {} },
    { library: mercuriusHttp, headers: {} },
    // it answers only what no page of another site can send
    { library: apolloServer, headers: { 'apollo-require-preflight': 'true' } },
  ])('gets a query answered by $library.packageName', async ({ library, headers }) => {
    const { connect } = await serveForeign(library);
    const client = connect({ transport: http({ method: 'GET', headers }) });

    expect(await resultOf(client.query(echo))).toEqual(echoed);
  });

  it.each([{ library: graphqlYoga }, { library: graphqlSse }])(
    'gets a subscription served by $library.packageName',
    async ({ library }) => {
      const { connect } = await serveForeign(library);
      const client = connect({ transport: sse({ method: 'GET' }) });

      expect(await toEnd(watch(client.subscribe(countdown)))).toEqual(countedDown);
    },
  );

  it('is not used for a mutation', async () => {
    const { connect } = await serveForeign(graphqlYoga);
    const client = connect({ transport: http({ method: 'GET' }) });

    const answer = await resultOf(
      client.mutate({ query: 'mutation { post(room: "a", text: "b") }' }),
    );

    expect(answer).toEqual({ data: { post: false } });
  });
});

describe('what a server says beside its status', () => {
  it.each([
    {
      library: mercuriusHttp,
      query: '{ nope }',
      message: 'Cannot query field "nope" on type "Query".',
    },
    { library: graphqlSse, query: '{', message: 'Syntax Error: Expected Name, found <EOF>.' },
  ])('is the payload of the failure: $library.packageName', async ({ library, query, message }) => {
    const { connect } = await serveForeign(library);

    const failure: unknown = await connect()
      .query({ query })
      .catch((error: unknown) => error);

    expect(failure).toMatchObject({ status: 400, payload: { errors: [{ message }] } });
  });
});

describe('a server without multipart subscriptions', () => {
  it.each([{ library: graphqlYoga, status: 406 }])(
    'is told by its status: $library.packageName answers $status',
    async ({ library, status }) => {
      const { connect } = await serveForeign(library);
      const client = connect({ transport: multipart() });

      const seen = await toEnd(watch(client.subscribe(countdown)));

      expect(seen).toEqual([failed({ code: 'CONNECTION_REFUSED', status })]);
    },
  );

  it('cannot be told where it executes the subscription as if it was a query: @apollo/server', async () => {
    const { connect } = await serveForeign(apolloServer);
    const client = connect({ transport: multipart() });

    const seen = await toEnd(watch(client.subscribe(countdown)));

    expect(seen).toEqual([next({ data: { countdown: null } }), completed]);
  });

  it.each([{ library: graphqlYoga }, { library: apolloServer }])(
    'still answers a query: $library.packageName',
    async ({ library }) => {
      const { connect } = await serveForeign(library);

      expect(await resultOf(connect({ transport: multipart() }).query(echo))).toEqual(echoed);
    },
  );
});

describe('incremental delivery by graphql-yoga', () => {
  it('comes part by part', async () => {
    const { connect } = await serveForeign(graphqlYoga);
    const client = connect({ transport: multipart() });
    const results: unknown[] = [];

    const query = '{ hello ... @defer { double(n: 21) } }';
    for await (const result of client.subscribe({ query })) results.push(result);

    expect(results).toEqual([
      { data: { hello: 'world' }, hasNext: true },
      { incremental: [{ data: { double: 42 }, path: [] }], hasNext: false },
    ]);
  });
});
