import { setImmediate as turn } from 'node:timers/promises';

import { expect, vi } from 'vitest';
import { WebSocket } from 'ws';

import type { Stage, StartStage } from '../support/adapter-stage.ts';
import { connectSocket } from '../support/socket-client.ts';
import {
  BodyReader,
  answerOf,
  connectReady,
  post,
  postSlowly,
  statusOfUpgrade,
  subscribe,
} from './adapter-clients.ts';

/** Something that adapters do, under a column of the table in `docs/adapters.md`. */
export interface Statement {
  readonly column: string;
  readonly says: string;
  readonly check: (start: StartStage) => Promise<void>;
}

const messages = 'subscription { message(room: "a") { text } }';
const eventStream = 'text/event-stream';
const multipart = 'multipart/mixed;subscriptionSpec=1.0';
const nothingLeft = { connections: 0, operations: 0, deadlines: 0, readers: 0 };
const patient = { timeout: 5_000, interval: 20 };

const open = (stage: Stage, accept: string, query = messages): Promise<Response> =>
  post(stage, query, { accept });

function listening(stage: Stage): Promise<void> {
  return vi.waitFor(async () => expect(await stage.app.openSources()).toBe(1), patient);
}

function abandoned(stage: Stage): Promise<void> {
  return vi.waitFor(async () => expect(await stage.app.openSources()).toBe(0), patient);
}

const http: readonly Statement[] = [
  {
    column: 'HTTP',
    says: 'a query by POST and by GET',
    async check(start) {
      const stage = await start({});

      const posted = await post(stage, '{ hello }');
      const got = await fetch(`${stage.url}?query=${encodeURIComponent('{ echo(text: "grüß") }')}`);

      expect([posted.status, await posted.json()]).toEqual([200, { data: { hello: 'world' } }]);
      expect([got.status, await got.json()]).toEqual([200, { data: { echo: 'grüß' } }]);
    },
  },
  {
    column: 'HTTP',
    says: 'a path that is not the server’s, which gets 404',
    async check(start) {
      const { url } = await start({});

      expect((await fetch(new URL('/elsewhere', url))).status).toBe(404);
    },
  },
  {
    column: 'Body limits',
    says: 'a body above the limit, which gets 413',
    async check(start) {
      const stage = await start({ options: { limits: { bodyBytes: 100 } } });

      const answer = await post(stage, `{ echo(text: "${'x'.repeat(1_000)}") }`);

      expect(answer.status).toBe(413);
    },
  },
  {
    column: 'Body limits',
    says: 'a body that grows above the limit, which gets 413 before it ends',
    async check(start) {
      const asked = postSlowly(await start({ options: { limits: { bodyBytes: 1_000 } } }));

      asked.write('{"query":"');
      asked.write('x'.repeat(100_000));

      expect((await answerOf(asked)).statusCode).toBe(413);
      asked.destroy();
    },
  },
  {
    column: 'Body limits',
    says: 'a body that takes too long, which gets 408',
    async check(start) {
      const asked = postSlowly(await start({ options: { limits: { bodyMs: 200 } } }));

      asked.write('{"query":"');

      expect((await answerOf(asked)).statusCode).toBe(408);
      asked.destroy();
    },
  },
  {
    column: 'Files',
    says: 'a form with a file of a megabyte',
    check: async (start) => {
      const { url } = await start({ takesFiles: true });
      const form = new FormData();
      const query = 'mutation ($file: Upload!) { measure(file: $file) }';
      form.append('operations', JSON.stringify({ query, variables: { file: null } }));
      form.append('map', JSON.stringify({ 0: ['variables.file'] }));
      form.append('0', new File([new Uint8Array(1_000_000)], 'größe.bin'));

      const answer = await fetch(url, {
        method: 'POST',
        headers: { 'graphql-require-preflight': '1' },
        body: form,
      });

      expect(await answer.json()).toEqual({ data: { measure: 'größe.bin: 1000000' } });
    },
  },
  {
    column: 'Client leaves',
    says: 'a client that leaves before its answer, which leaves nothing behind',
    async check(start) {
      const stage = await start({});
      const controller = new AbortController();
      const asked = post(stage, '{ never }', { signal: controller.signal });
      await vi.waitFor(async () => expect((await stage.gauges()).operations).toBe(1), patient);

      controller.abort();

      await expect(asked).rejects.toThrow();
      await vi.waitFor(async () => expect((await stage.gauges()).operations).toBe(0), patient);
    },
  },
  {
    column: 'Address',
    says: 'where a request comes from',
    async check(start) {
      const answer = await post(await start({ tellsAddress: true }), '{ hello }');

      expect(await answer.json()).toMatchObject({
        errors: [{ message: expect.stringMatching(/127\.0\.0\.1$/) as string }],
      });
    },
  },
];

const carriers = [
  {
    column: 'SSE',
    carrier: 'server-sent events',
    accept: eventStream,
    first: 'data: {"data":{"message":{"text":"x"}}}\n\n',
    end: /event: complete\ndata:\n\n$/,
  },
  {
    column: 'Multipart',
    carrier: 'multipart',
    accept: multipart,
    first: '{"payload":{"data":{"message":{"text":"x"}}}}\r\n--graphql',
    end: /\r\n--graphql--\r\n$/,
  },
] as const;

function streamStatements({
  column,
  carrier,
  accept,
  first,
  end,
}: (typeof carriers)[number]): readonly Statement[] {
  return [
    {
      column,
      says: `${carrier}: each event as it happens, to its last byte`,
      check: async (start) => {
        const stage = await start({});
        const reader = new BodyReader(await open(stage, accept));
        await listening(stage);

        await stage.app.publish('a', 'x');

        await reader.until(() => reader.text.includes(first));
        await reader.cancel();
      },
    },
    {
      column: 'Client leaves',
      says: `${carrier}: a client that leaves while nothing happens, which leaves nothing behind`,
      check: async (start) => {
        const stage = await start({});
        const reader = new BodyReader(await open(stage, accept));
        await listening(stage);

        await reader.cancel();

        await abandoned(stage);
        await vi.waitFor(async () => expect(await stage.gauges()).toEqual(nothingLeft), patient);
      },
    },
    {
      column,
      says: `${carrier}: an end that tells that the source ended`,
      check: async (start) => {
        const answer = await open(await start({}), accept, 'subscription { countdown(from: 3) }');

        const text = await answer.text();

        expect(text).toContain('{"data":{"countdown":1}}');
        expect(text).toMatch(end);
      },
    },
    {
      column: 'Heartbeats',
      says: `${carrier}: heartbeats while nothing happens`,
      check: async (start) => {
        const stage = await start({ options: { keepAlive: { heartbeatMs: 100 } } });
        const reader = new BodyReader(await open(stage, accept));
        const heartbeat = accept === eventStream ? ':\n\n' : '{}\r\n--graphql';

        await reader.until(() => reader.text.split(heartbeat).length > 3);

        await reader.cancel();
      },
    },
    {
      column: 'Slow reader of a stream',
      says: `${carrier}: a source that can wait waits for the reader, and goes on as that reads`,
      check: async (start) => {
        const stage = await start({});
        const flood = 'subscription { flood(bytes: 65536) }';
        const reader = new BodyReader(await open(stage, accept, flood));

        await reader.until(() => reader.bytes > 10_000_000);

        await reader.cancel();
        await abandoned(stage);
      },
    },
    {
      column: 'Slow reader of a stream',
      says: `${carrier}: a reader that does not read is cut off`,
      check: async (start) => {
        const stage = await start({});
        const asked = postSlowly(stage, { accept });
        asked.end(JSON.stringify({ query: messages }));
        const answer = await answerOf(asked);
        await listening(stage);

        await publishUntilAlone(stage);

        expect((await stage.counters()).slowConsumerDisconnects).toBe(1);
        await expect(drainOf(answer)).rejects.toThrow();
      },
    },
  ];
}

const singleMode: Statement = {
  column: 'SSE, one stream',
  says: 'many operations on one event stream',
  async check(start) {
    const stage = await start({});
    const token = await (await fetch(stage.url, { method: 'PUT' })).text();
    const reader = new BodyReader(
      await fetch(`${stage.url}?token=${token}`, { headers: { accept: eventStream } }),
    );
    const headers = {
      'content-type': 'application/json',
      'x-graphql-event-stream-token': token,
    };
    const send = (query: string, operationId: string): Promise<Response> =>
      fetch(stage.url, {
        method: 'POST',
        headers,
        body: JSON.stringify({ query, extensions: { operationId } }),
      });

    expect((await send('{ hello }', '1')).status).toBe(202);
    expect((await send(messages, '2')).status).toBe(202);
    await listening(stage);
    await stage.app.publish('a', 'x');

    await reader.until(() => reader.text.includes('{"text":"x"}'));
    expect(reader.text).toContain('{"hello":"world"}');
    await reader.cancel();
  },
};

const sharedBytes: Statement = {
  column: 'SSE',
  says: 'the same large result to several clients',
  async check(start) {
    const stage = await start({});
    const readers = [
      new BodyReader(await open(stage, eventStream)),
      new BodyReader(await open(stage, eventStream)),
    ];
    await vi.waitFor(async () => expect(await stage.app.openSources()).toBe(2), patient);
    const text = 'grüße '.repeat(20_000);

    for (const times of [1, 2]) {
      await stage.app.publish('a', text);
      await Promise.all(
        readers.map((reader) =>
          reader.until(() => reader.text.split(`{"text":"${text}"}`).length === times + 1),
        ),
      );
    }

    for (const reader of readers) await reader.cancel();
  },
};

/** What adapters with WebSockets have to do besides. */
export const socketStatements: readonly Statement[] = [
  {
    column: 'Message limit',
    says: 'a message above the limit, which is closed with 1009',
    async check(start) {
      const stage = await start({ options: { limits: { messageBytes: 1_000 } } });
      const client = await connectReady(stage);

      client.send(`{"type":"ping","payload":{"text":"${'x'.repeat(2_000)}"}}`);

      expect(await client.next()).toMatchObject({ kind: 'close', code: 1009 });
    },
  },
  {
    column: 'Client leaves',
    says: 'a socket that is gone without a word, which leaves nothing behind',
    async check(start) {
      const stage = await start({});
      const client = await connectReady(stage);
      subscribe(client, messages);
      await listening(stage);

      client.socket.terminate();

      await abandoned(stage);
      await vi.waitFor(async () => expect(await stage.gauges()).toEqual(nothingLeft), patient);
    },
  },
  {
    column: 'Pings',
    says: 'a silent peer is asked whether it lives, and lives by its answer',
    async check(start) {
      const stage = await start({ options: { keepAlive: { pingAfterMs: 100 } } });
      const client = await connectReady(stage);
      let pings = 0;
      client.socket.on('ping', () => (pings += 1));
      client.socket.on('message', (text: Buffer) => {
        if (text.toString() !== '{"type":"ping"}') return;
        client.send('{"type":"pong"}');
        pings += 1;
      });

      await vi.waitFor(() => expect(pings).toBeGreaterThan(2), patient);

      expect(client.socket.readyState).toBe(WebSocket.OPEN);
      client.socket.terminate();
    },
  },
  {
    column: 'Pings',
    says: 'a peer that does not answer is closed with 4408',
    async check(start) {
      const stage = await start({
        options: { keepAlive: { pingAfterMs: 100, pingAnswerMs: 100 } },
      });
      const socket = new WebSocket(stage.url.replace(/^http/, 'ws'), ['graphql-transport-ws'], {
        autoPong: false,
      });
      const closed = new Promise((resolve) => socket.once('close', resolve));

      expect(await closed).toBe(4408);
    },
  },
  {
    column: 'Slow reader of a socket',
    says: 'a source that can wait waits for the peer, and goes on as that reads',
    async check(start) {
      const stage = await start({});
      const client = await connectReady(stage);
      const { socket } = client;
      let bytes = 0;
      socket.on('message', (chunk: Buffer) => (bytes += chunk.length));

      subscribe(client, 'subscription { flood(bytes: 65536) }');

      await vi.waitFor(() => expect(bytes).toBeGreaterThan(10_000_000), patient);
      socket.terminate();
      await abandoned(stage);
    },
  },
  {
    column: 'Slow reader of a socket',
    says: 'a peer that does not read is cut off',
    async check(start) {
      const stage = await start({});
      const client = await connectReady(stage);
      subscribe(client, messages);
      await listening(stage);
      client.socket.pause();

      await publishUntilAlone(stage);

      expect((await stage.counters()).slowConsumerDisconnects).toBe(1);
      await vi.waitFor(async () => expect(await stage.gauges()).toEqual(nothingLeft), patient);
      client.socket.terminate();
    },
  },
  {
    column: 'Upgrades refused',
    says: 'a client without a subprotocol that is spoken, which is closed with 4406',
    async check(start) {
      const { url } = await start({});

      const client = await connectSocket(url, undefined);

      expect(await client.next()).toMatchObject({ kind: 'close', code: 4406 });
    },
  },
  {
    column: 'graphql-transport-ws',
    says: 'the newer of two subprotocols that are offered',
    check: async (start) => {
      const { url } = await start({});

      const client = await connectSocket(url, ['graphql-ws', 'graphql-transport-ws']); // with a comma alone

      expect(client.socket.protocol).toBe('graphql-transport-ws');
      client.socket.terminate();
    },
  },
  {
    column: 'appsync',
    says: 'a client of AppSync at the path that it makes of the server’s',
    check: async (start) => {
      const { url } = await start({ options: { protocols: ['appsync'] } });

      const client = await connectSocket(`${url}/realtime`, ['graphql-ws', 'header-e30']);
      client.send('{"type":"connection_init"}');

      expect(await client.next()).toMatchObject({ message: { type: 'connection_ack' } });
      client.socket.terminate();
    },
  },
  {
    column: 'Upgrades refused',
    says: 'a page of another site with credentials, which gets 403',
    async check(start) {
      const headers = { origin: 'https://elsewhere.example', cookie: 'session=1' };

      expect(await statusOfUpgrade(await start({}), headers)).toBe(403);
    },
  },
  {
    column: 'Upgrades refused',
    says: 'one more than fit, which gets 503',
    async check(start) {
      const stage = await start({ options: { limits: { connections: 1 } } });
      const client = await connectReady(stage);

      expect(await statusOfUpgrade(stage)).toBe(503);
      client.socket.terminate();
    },
  },
  {
    column: 'Closing',
    says: 'a server that closes, which sockets are told with 1001',
    async check(start) {
      const stage = await start({});
      const client = await connectSocket(stage.url, ['graphql-transport-ws']);

      await stage.closeServer();

      expect(await client.next()).toEqual({ kind: 'close', code: 1001, reason: 'Going away' });
      expect(await stage.gauges()).toEqual(nothingLeft);
    },
  },
];

const closing: Statement = {
  column: 'Closing',
  says: 'a server that closes, which cuts streams so that their clients see it',
  async check(start) {
    const stage = await start({});
    const stream = await open(stage, eventStream);
    await listening(stage);

    await stage.closeServer();

    await expect(stream.text()).rejects.toThrow();
    expect(await stage.gauges()).toEqual(nothingLeft);
    expect((await post(stage, '{ hello }')).status).toBe(503);
  },
};

/** What every adapter has to do, over real connections. */
export const statements: readonly Statement[] = [
  ...http,
  ...carriers.flatMap(streamStatements),
  singleMode,
  sharedBytes,
  closing,
];

/** What an adapter without WebSockets does in place of those that need them. */
export const withoutSockets: Statement = {
  column: 'WebSocket',
  says: 'an upgrade, which gets 501 because there are no WebSockets',
  async check(start) {
    expect(await statusOfUpgrade(await start({}))).toBe(501);
  },
};

/** Publishes to a client that does not read until it is gone; at most some 25 MB, more than any buffer on the way should take. */
async function publishUntilAlone(stage: Stage): Promise<void> {
  const text = 'x'.repeat(65_536);
  for (let published = 0; published < 400; published += 1) {
    await stage.app.publish('a', text);
    await turn();
    if ((await stage.gauges()).operations === 0) return;
  }
  throw new Error('25 MB were published to a client that does not read');
}

/** Reads an answer to its end; rejects if it was cut off. */
async function drainOf(answer: AsyncIterable<unknown>): Promise<void> {
  for await (const chunk of answer) void chunk;
}
