import { createClient } from 'millrace/client';
import type { Client, Transport } from 'millrace/client';
import { http } from 'millrace/client/http';
import type { HttpOptions } from 'millrace/client/http';
import { persistedQueries } from 'millrace/client/persisted-queries';
import { sse } from 'millrace/client/sse';
import { websocket } from 'millrace/client/websocket';
import { describe, expect, it, onTestFinished } from 'vitest';

import { apolloWithoutHashes, apqGraphqlWs, apqServers } from './servers/apq-servers.ts';
import { watch } from './servers/seen.ts';
import { toEnd } from './support/client-under-test.ts';
import { completed, next } from './support/recorded-operation.ts';

const echo = {
  query: 'query ($text: String!) { echo(text: $text) }',
  variables: { text: 'Straße ✓ & 🚰' },
};
const echoed = { data: { echo: 'Straße ✓ & 🚰' } };
const countdown = { query: 'subscription { countdown(from: 2) }' };
const countedDown = [next({ data: { countdown: 2 } }), next({ data: { countdown: 1 } }), completed];

/** Apollo Server answers only what no page of another site can send. */
const headers = { 'apollo-require-preflight': 'true' };

function connect(url: string, transport: Transport): Client {
  const client = createClient({ url, transport: persistedQueries(transport) });
  onTestFinished(() => client.close());
  return client;
}

/** HTTP, and what of documents each request held. */
function recordHttp(options: HttpOptions = {}) {
  const sent: string[] = [];
  const transport = http({
    headers,
    ...options,
    fetch: (url, init) => {
      const { searchParams } = new URL(url);
      const body = JSON.parse(String(init.body ?? '{}')) as object; // what the transport wrote
      const names = [...searchParams.keys(), ...Object.keys(body)];
      const parts = names.filter((name) => name === 'query' || name === 'extensions');
      sent.push([init.method ?? 'GET', ...parts].join(' '));
      return fetch(url, init);
    },
  });
  return { transport, sent };
}

describe.each(Object.entries(apqServers))('hashes over HTTP to %s', (_, serve) => {
  it('are learnt and used', async () => {
    const { transport, sent } = recordHttp();
    const client = connect(await serve(), transport);

    for (let i = 0; i < 3; i += 1) expect(await client.query(echo)).toEqual(echoed);
    expect(sent).toEqual([
      'POST extensions',
      'POST query extensions',
      'POST extensions',
      'POST extensions',
    ]);
  });

  it('go by GET, their texts by POST', async () => {
    const { transport, sent } = recordHttp({ method: 'GET' });
    const client = connect(await serve(), transport);

    for (let i = 0; i < 2; i += 1) expect(await client.query(echo)).toEqual(echoed);
    expect(sent).toEqual(['GET extensions', 'POST query extensions', 'GET extensions']);
  });

  it('stand for mutations, by POST', async () => {
    const { transport, sent } = recordHttp({ method: 'GET' });
    const client = connect(await serve(), transport);
    const query = 'mutation { post(room: "a", text: "b") }';

    for (let i = 0; i < 2; i += 1) {
      expect(await client.mutate({ query })).toEqual({ data: { post: false } });
    }
    expect(sent).toEqual(['POST extensions', 'POST query extensions', 'POST extensions']);
  });

  it('come back as failures where the server is told to write application/json', async () => {
    const { transport, sent } = recordHttp({ headers: { ...headers, accept: 'application/json' } });
    const client = connect(await serve(), transport);

    for (let i = 0; i < 2; i += 1) expect(await client.query(echo)).toEqual(echoed);
    expect(sent).toHaveLength(3);
  });
});

it('a server that refuses hashes gets texts: @apollo/server', async () => {
  const { transport, sent } = recordHttp();
  const client = connect(await apolloWithoutHashes(), transport);

  for (let i = 0; i < 2; i += 1) expect(await client.query(echo)).toEqual(echoed);
  expect(sent).toEqual(['POST extensions', 'POST query', 'POST query']);
});

it.each([
  { name: 'graphql-yoga', serve: apqServers['graphql-yoga'], create: () => sse() },
  {
    name: 'graphql-yoga by GET',
    serve: apqServers['graphql-yoga'],
    create: () => sse({ method: 'GET' }),
  },
  { name: 'graphql-ws', serve: apqGraphqlWs, create: () => websocket() },
])('hashes stand for subscriptions: $name', async ({ serve, create }) => {
  const client = connect(await serve(), create());

  for (let i = 0; i < 2; i += 1) {
    expect(await toEnd(watch(client.subscribe(countdown)))).toEqual(countedDown);
  }
});

it('hashes stand for queries on a socket: graphql-ws', async () => {
  const client = connect(await apqGraphqlWs(), websocket());

  for (let i = 0; i < 2; i += 1) expect(await client.query(echo)).toEqual(echoed);
});
