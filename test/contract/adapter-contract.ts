import type { Server, ServerOptions } from 'millrace/server';
import { createServer } from 'millrace/server';
import { afterEach, describe, expect, it, vi } from 'vitest';

import { graphqlTransportWsServer } from '../transcripts/graphql-transport-ws-server.ts';
import { replay } from '../transcripts/replay-server.ts';
import { listTranscripts, needsNoTime } from '../transcripts/server-transcript.ts';
import { subscriptionsTransportWsServer } from '../transcripts/subscriptions-transport-ws-server.ts';
import type { FixtureApp } from '../support/fixture-app.ts';
import { createFixtureApp } from '../support/fixture-app.ts';
import { connectSocket } from '../support/socket-client.ts';

/** A server behind the adapter under test. */
export interface Served {
  /** Where it answers: `http://127.0.0.1:4000/graphql`. */
  readonly url: string;
  /** Ends the server and whatever the adapter needs. */
  close(): Promise<void>;
}

const suites = [
  {
    protocol: 'graphql-transport-ws',
    token: 'graphql-transport-ws',
    transcripts: graphqlTransportWsServer,
  },
  {
    protocol: 'subscriptions-transport-ws',
    token: 'graphql-ws',
    transcripts: subscriptionsTransportWsServer,
  },
] as const;

const json = { 'content-type': 'application/json' };

/**
 * What every adapter has to do, over real sockets.
 *
 * @param serve - puts a server behind the adapter, on a free port of 127.0.0.1
 */
export function adapterContract(name: string, serve: (server: Server) => Promise<Served>): void {
  let served: Served | undefined;
  let app: FixtureApp = createFixtureApp();
  afterEach(() => served?.close());

  const start = async (options: Partial<ServerOptions> = {}): Promise<Server> => {
    app = createFixtureApp();
    const server = createServer({
      schema: app.schema,
      broker: app.broker,
      protocols: [
        'graphql-transport-ws',
        'subscriptions-transport-ws',
        'sse',
        'sse-single',
        'multipart',
      ],
      onInternalError: () => {},
      ...options,
    });
    served = await serve(server);
    return server;
  };
  const post = (query: string, headers: Readonly<Record<string, string>> = {}): Promise<Response> =>
    fetch(served?.url ?? '', {
      method: 'POST',
      headers: { ...json, ...headers },
      body: JSON.stringify({ query }),
    });

  describe.each(suites)(`${name} carries $protocol`, ({ protocol, token, transcripts }) => {
    const conversations = listTranscripts(transcripts).filter(([, transcript]) =>
      needsNoTime(transcript),
    );

    it.each(conversations)('%s', async (_title, transcript) => {
      await start({ ...transcript.options, protocols: [protocol] });
      const client = await connectSocket(served?.url ?? '', [token]);

      await replay(transcript, client, app);

      expect(await client.rest()).toEqual([]);
      client.socket.terminate();
    });
  });

  describe(`${name} carries HTTP`, () => {
    it('a query', async () => {
      await start();

      const response = await post('{ hello }');

      expect(response.status).toBe(200);
      expect(await response.json()).toEqual({ data: { hello: 'world' } });
    });

    it('a body above the limit, which gets 413', async () => {
      await start({ limits: { bodyBytes: 100 } });

      expect((await post(`{ echo(text: "${'x'.repeat(1_000)}") }`)).status).toBe(413);
    });

    it('a client that leaves before its answer, which leaves nothing behind', async () => {
      const server = await start();
      const controller = new AbortController();
      const asked = fetch(served?.url ?? '', {
        method: 'POST',
        headers: json,
        body: '{"query":"{ never }"}',
        signal: controller.signal,
      });
      await vi.waitFor(() => expect(server.gauges().operations).toBe(1));

      controller.abort();

      await expect(asked).rejects.toThrow();
      await vi.waitFor(() => expect(server.gauges().operations).toBe(0));
    });
  });

  describe.each([
    ['server-sent events', 'text/event-stream', 'data: {"data":{"message":{"text":"x"}}}\n\n'],
    [
      'multipart',
      'multipart/mixed;subscriptionSpec=1.0',
      '{"payload":{"data":{"message":{"text":"x"}}}}\r\n--graphql',
    ],
  ])(`${name} carries %s`, (_carrier, accept, expected) => {
    it('each event as it happens, to its last byte', async () => {
      await start();
      const response = await post('subscription { message(room: "a") { text } }', { accept });
      const reader = response.body?.getReader();
      await vi.waitFor(() => expect(app.openSources()).toBe(1));

      await app.publish('a', 'x');

      let text = '';
      while (!text.includes(expected)) {
        const chunk = await reader?.read();
        expect(chunk?.done).toBe(false);
        text += new TextDecoder().decode(chunk?.value);
      }
      await reader?.cancel();
      await vi.waitFor(() => expect(app.openSources()).toBe(0));
    });

    it('an end that tells whether the source ended', async () => {
      await start();

      const text = await (await post('subscription { countdown(from: 1) }', { accept })).text();

      expect(text).toMatch(/event: complete\ndata:\n\n$|\r\n--graphql--\r\n$/);
    });
  });

  it(`${name} ends sockets and streams when the server closes`, async () => {
    const server = await start();
    const client = await connectSocket(served?.url ?? '', ['graphql-transport-ws']);
    const stream = await post('subscription { message(room: "a") { text } }', {
      accept: 'text/event-stream',
    });

    await server.close();

    expect(await client.next()).toEqual({ kind: 'close', code: 1001, reason: 'Going away' });
    await expect(stream.text()).rejects.toThrow();
    expect(server.gauges()).toEqual({ connections: 0, operations: 0, deadlines: 0, readers: 0 });
  });
}
