import { graphqlTransportWs, subscriptionsTransportWs } from 'millrace/client/websocket';
import { expect, it } from 'vitest';

import { serveFixture } from '../support/fixture-server.ts';
import { consume, watchClient } from '../support/watched-client.ts';

const inLobby = { query: 'subscription { message(room: "lobby") { text } }' };
const long = 'Straße ✓ 🚰 and so on '.repeat(1_000);

it.each([graphqlTransportWs, subscriptionsTransportWs])(
  'a client with `perMessageDeflate` and a server that compresses understand each other over $name',
  async (protocol) => {
    const server = await serveFixture({ compression: true });
    const socket = { protocol, socketOptions: { perMessageDeflate: { threshold: 0 } } };
    const { client } = watchClient(server.httpUrl, { socket });
    const consumer = consume(client.subscribe(inLobby));
    await server.sources(1);

    for (const text of [long, 'short', `${long}!`]) {
      await server.app.publish('lobby', text);
      expect(await consumer.next()).toEqual({ data: { message: { text } } });
    }
    const query = 'query ($text: String!) { echo(text: $text) }';
    expect(await client.query({ query, variables: { text: long } })).toEqual({
      data: { echo: long },
    });
    expect(server.counters().compressedResults).toBe(3);
  },
);

it('a client without it gets results as they are', async () => {
  const server = await serveFixture({ compression: true });
  const { client } = watchClient(server.httpUrl);
  const consumer = consume(client.subscribe(inLobby));
  await server.sources(1);

  await server.app.publish('lobby', long);

  expect(await consumer.next()).toEqual({ data: { message: { text: long } } });
  expect(server.counters().compressedResults).toBe(0);
});
