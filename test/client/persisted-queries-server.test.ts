import type { Transport } from 'millrace/client';
import { http } from 'millrace/client/http';
import { multipart } from 'millrace/client/multipart';
import { persistedQueries } from 'millrace/client/persisted-queries';
import { sse } from 'millrace/client/sse';
import { subscriptionsTransportWs, websocket } from 'millrace/client/websocket';
import { describe, expect, it } from 'vitest';

import { serveFixture } from '../support/fixture-server.ts';
import type { FixtureServerOptions } from '../support/fixture-server.ts';
import { consume, watchClient } from '../support/watched-client.ts';

const transports: Readonly<Record<string, () => Transport>> = {
  websocket: () => websocket(),
  'websocket with the legacy protocol': () => websocket({ protocol: subscriptionsTransportWs }),
  http: () => http(),
  'http by GET': () => http({ method: 'GET' }),
  sse: () => sse(),
  'sse by GET': () => sse({ method: 'GET' }),
  multipart: () => multipart(),
};

const echo = {
  query: 'query ($text: String!) { echo(text: $text) }',
  variables: { text: 'Straße' },
};
const echoed = { data: { echo: 'Straße' } };
const countdown = { query: 'subscription { countdown(from: 2) }' };

/** A server that keeps texts, and what it was asked for. */
async function serve(options: FixtureServerOptions) {
  const asked: string[] = [];
  const kept = new Map<string, string>();
  const { httpUrl } = await serveFixture({
    ...options,
    ...(options.persistedQueries && {
      persistedQueries: {
        store: {
          get(hash) {
            asked.push('get');
            return kept.get(hash);
          },
          set(hash, text) {
            asked.push('set');
            kept.set(hash, text);
          },
        },
      },
    }),
  });
  return { httpUrl, asked };
}

describe.each(Object.entries(transports))('hashes over %s', (_, create) => {
  it('are learnt and used', async () => {
    const { httpUrl, asked } = await serve({ persistedQueries: {} });
    const { client, losses, violations } = watchClient(httpUrl, {
      transport: persistedQueries(create()),
    });

    for (let i = 0; i < 3; i += 1) expect(await client.query(echo)).toEqual(echoed);

    expect(asked).toEqual(['get', 'set', 'get', 'get']);
    expect({ losses, violations }).toEqual({ losses: [], violations: [] });
  });

  it('stand for mutations', async () => {
    const { httpUrl, asked } = await serve({ persistedQueries: {} });
    const { client } = watchClient(httpUrl, { transport: persistedQueries(create()) });
    const query = 'mutation { post(room: "r", text: "t") }';

    for (let i = 0; i < 2; i += 1) {
      expect(await client.mutate({ query })).toEqual({ data: { post: true } });
    }
    expect(asked).toEqual(['get', 'set', 'get']);
  });

  it('are given up with a server that takes none', async () => {
    const { httpUrl } = await serve({});
    const { client } = watchClient(httpUrl, { transport: persistedQueries(create()) });

    for (let i = 0; i < 2; i += 1) expect(await client.query(echo)).toEqual(echoed);
  });

  it('name trusted documents', async () => {
    const { httpUrl } = await serve({
      trustedDocuments: { documents: new Map([['the-echo', echo.query]]) },
    });
    const { client } = watchClient(httpUrl, {
      transport: persistedQueries(create(), { texts: 'never', hash: () => 'the-echo' }),
    });

    expect(await client.query(echo)).toEqual(echoed);
  });
});

const streams = Object.entries(transports).filter(([name]) => !name.startsWith('http'));

describe.each(streams)('the hash of a subscription over %s', (_, create) => {
  it('is learnt and used', async () => {
    const { httpUrl, asked } = await serve({ persistedQueries: {} });
    const { client, losses } = watchClient(httpUrl, { transport: persistedQueries(create()) });

    for (let i = 0; i < 2; i += 1) {
      const handle = client.subscribe(countdown);
      const consumer = consume(handle);
      expect(await consumer.ended()).toBe('complete');
      expect(consumer.rest).toEqual([{ data: { countdown: 2 } }, { data: { countdown: 1 } }]);
    }
    expect(asked).toEqual(['get', 'set', 'get']);
    expect(losses).toEqual([]);
  });

  it('stands for one that can be stopped', async () => {
    const server = await serveFixture({ persistedQueries: {} });
    const { client } = watchClient(server.httpUrl, { transport: persistedQueries(create()) });
    const consumer = consume(
      client.subscribe({ query: 'subscription { message(room: "r") { text } }' }),
    );
    await server.sources(1);
    await server.app.publish('r', 'one');
    expect(await consumer.next()).toEqual({ data: { message: { text: 'one' } } });
    consumer.stop();

    await server.sources(0);
    expect(server.gauges().operations).toBe(0);
  });
});
