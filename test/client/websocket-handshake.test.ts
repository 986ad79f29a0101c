import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';

import type { ClientProtocol } from 'millrace/client/websocket';
import { graphqlTransportWs, subscriptionsTransportWs } from 'millrace/client/websocket';
import { describe, expect, it, onTestFinished } from 'vitest';
import { WebSocket } from 'ws';

import { serveProtocol } from '../support/protocol-server.ts';
import { RawConnection, textFrame, toBytes } from '../support/raw-websocket.ts';
import { Inbox, until } from '../support/waiting.ts';
import { consume, watchClient } from '../support/watched-client.ts';

const query = 'subscription { a }';

/** A TCP server that says nothing by itself. */
async function serveRaw() {
  const connections = new Inbox<RawConnection>('a TCP connection');
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    onTestFinished(() => void socket.destroy());
    connections.push(new RawConnection(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo; // not a pipe
  return { url: `ws://127.0.0.1:${port}/graphql`, next: () => connections.next() };
}

/** Answers the upgrade; `headers` replace those of a correct answer, `null` leaves one out. */
async function upgrade(
  connection: RawConnection,
  headers: Readonly<Record<string, string | null>> = {},
) {
  const head = await connection.head();
  const key = head.headers['sec-websocket-key']?.[0] ?? '';
  const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`);
  const lines = Object.entries({
    Upgrade: 'websocket',
    Connection: 'Upgrade',
    'Sec-WebSocket-Accept': accept.digest('base64'),
    'Sec-WebSocket-Protocol': 'graphql-transport-ws',
    ...headers,
  }).flatMap(([name, value]) => (value === null ? [] : [`${name}: ${value}\r\n`]));
  connection.write(`HTTP/1.1 101 Switching Protocols\r\n${lines.join('')}\r\n`);
  return head;
}

/** Subscribes at a server that answers the upgrade with these headers. */
async function subscribeAt(headers: Readonly<Record<string, string | null>>) {
  const server = await serveRaw();
  const watched = watchClient(server.url);
  const consumer = consume(watched.client.subscribe({ query }));
  const connection = await server.next();
  const head = await upgrade(connection, headers);
  return { ...watched, consumer, connection, head };
}

/** Resolves with the bytes of `count` masked frames: their keys, and whether the mask bit was set. */
async function maskedFrames({ socket }: RawConnection, count: number) {
  const frames: { readonly isMasked: boolean; readonly key: string; readonly text: string }[] = [];
  let bytes = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    bytes = Buffer.concat([bytes, chunk]);
    for (;;) {
      const [, second = 0] = bytes;
      const length = second & 0x7f; // the messages of these tests are short
      if (bytes.length < 6 + length) break;
      const key = bytes.subarray(2, 6);
      const text = bytes.subarray(6, 6 + length).map((byte, index) => byte ^ (key[index % 4] ?? 0));
      frames.push({
        isMasked: second >= 0x80,
        key: key.toString('hex'),
        text: Buffer.from(text).toString('utf8'),
      });
      bytes = bytes.subarray(6 + length);
    }
  });
  await until(() => frames.length >= count, `${count} frames`);
  return frames;
}

describe('the handshake of a client', () => {
  it('TW-60 offers graphql-transport-ws, and nothing else', async () => {
    const { head } = await subscribeAt({});

    expect(head.headers['sec-websocket-protocol']).toEqual(['graphql-transport-ws']);
  });

  it('offers no compression unless it is asked to', async () => {
    const { head } = await subscribeAt({});

    expect(head.headers['sec-websocket-extensions']).toBeUndefined();
  });

  it.each([
    ['a wrong Sec-WebSocket-Accept', { 'Sec-WebSocket-Accept': 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=' }],
    ['no Sec-WebSocket-Accept', { 'Sec-WebSocket-Accept': null }],
    ['an extension that was not offered', { 'Sec-WebSocket-Extensions': 'permessage-deflate' }],
  ])('WS-40 fails on %s, and does not try again', async (_what, headers) => {
    const { consumer, connection, losses } = await subscribeAt(headers);

    expect(await consumer.failed()).toMatchObject({ code: 'PROTOCOL_ERROR', retryable: false });
    expect(losses).toMatchObject([{ retryInMs: undefined }]);
    expect(await connection.ended()).toHaveLength(0);
  });

  it('WS-40 fails on a token that was not offered, and does not try again', async () => {
    const { consumer, connection } = await subscribeAt({ 'Sec-WebSocket-Protocol': 'graphql-ws' });

    expect(await consumer.failed()).toMatchObject({
      code: 'SUBPROTOCOL_NOT_ACCEPTABLE',
      retryable: false,
    });
    expect(await connection.ended()).toHaveLength(0);
  });

  it.each([
    ['graphql-transport-ws', graphqlTransportWs],
    ['graphql-ws', subscriptionsTransportWs],
  ])(
    'TW-81 WS-41 fails where %s was offered and the answer has no token',
    async (_token, protocol) => {
      const server = await serveProtocol('');
      const { client } = watchClient(server.url, { socket: { protocol } });
      const consumer = consume(client.subscribe({ query }));

      expect(await consumer.failed()).toMatchObject({
        code: 'SUBPROTOCOL_NOT_ACCEPTABLE',
        retryable: false,
      });
      expect(server.connectionCount).toBe(1);
    },
  );

  it('TW-81 fails with 4406 where the implementation lets a socket without subprotocol open', async () => {
    // as a lenient implementation of WebSockets would
    class Lenient extends WebSocket {
      constructor(url: string) {
        super(url, []);
      }
    }
    const server = await serveProtocol('');
    const { client } = watchClient(server.url, { socket: { WebSocket: Lenient } });
    const consumer = consume(client.subscribe({ query }));

    const peer = await server.connection();
    expect(await peer.closed()).toMatchObject({ code: 4406 });
    expect(await consumer.failed()).toMatchObject({ closeCode: 4406, retryable: false });
  });

  it('WS-42 masks all frames with keys that nobody can foretell', async () => {
    const server = await serveRaw();
    const { client } = watchClient(server.url);
    const connections: RawConnection[] = [];
    const keys: string[] = [];
    for (let count = 0; count < 2; count += 1) {
      const held = client.connect();
      const connection = await server.next();
      connections.push(connection);
      await upgrade(connection);
      const init = await maskedFrames(connection, 1);
      connection.send({ ...textFrame({ type: 'connection_ack' }), masked: false });
      const operations = await held;
      for (let started = 0; started < 3; started += 1)
        operations.subscribe({ query }).subscribe({});
      const frames = [...init, ...(await maskedFrames(connection, 3))];
      expect(frames.map(({ isMasked }) => isMasked)).toEqual([true, true, true, true]);
      expect(JSON.parse(frames[0]?.text ?? '')).toEqual({ type: 'connection_init' });
      keys.push(...frames.map(({ key }) => key));
    }

    expect(new Set(keys).size).toBe(8);
  });

  it('WS-43 fails on a masked frame of the server, and does not try again', async () => {
    const { consumer, connection } = await subscribeAt({});
    await maskedFrames(connection, 1);

    connection.write(toBytes(textFrame({ type: 'connection_ack' })));

    expect(await consumer.failed()).toMatchObject({ code: 'PROTOCOL_ERROR', retryable: false });
  });

  it('WS-46 gives up on a host that accepts the connection and says nothing, and tries again', async () => {
    const server = await serveRaw();
    const { client, clock, lost } = watchClient(server.url, {
      socket: { connectTimeoutMs: 3_000 },
    });
    const consumer = consume(client.subscribe({ query }));
    const connection = await server.next();

    await clock.advance(2_999);
    expect(consumer.end).toBeUndefined();
    await clock.advance(1);

    const { failure, retryInMs } = await lost();
    expect(failure).toMatchObject({ code: 'CONNECT_TIMEOUT', retryable: true });
    expect(retryInMs).toBe(500);
    await connection.ended();
    await clock.advance(500);
    await server.next();
  });

  it('WS-46 does so after 10 s unless it is told otherwise', async () => {
    const server = await serveRaw();
    const { client, clock } = watchClient(server.url, { retry: false });
    const failure = client.query({ query: '{ a }' }).catch((error: unknown) => error);
    await server.next();

    await clock.advance(10_000);

    expect(await failure).toMatchObject({ code: 'CONNECT_TIMEOUT' });
  });
});

describe('what happens to a WebSocket', () => {
  /** A socket that does what a test says. */
  class Puppet {
    static readonly made: Puppet[] = [];
    readonly protocol = 'graphql-transport-ws';
    binaryType = 'blob';
    readonly closes: readonly unknown[][] = [];
    onopen: (() => void) | null = null;
    onmessage: ((event: { readonly data: unknown }) => void) | null = null;
    onerror: ((event: object) => void) | null = null;
    onclose: ((event: { readonly code: number; readonly reason: string }) => void) | null = null;
    readonly sent: string[] = [];

    constructor() {
      Puppet.made.push(this);
    }

    send(frame: string): void {
      this.sent.push(frame);
    }

    close(): void {}
  }

  async function withPuppet() {
    Puppet.made.splice(0);
    const watched = watchClient('ws://puppet', { socket: { WebSocket: Puppet } });
    const consumer = consume(watched.client.subscribe({ query }));
    await watched.clock.settle();
    const [puppet] = Puppet.made;
    if (!puppet) throw new Error('no socket was made');
    return { ...watched, consumer, puppet };
  }

  it.each([
    ['an error without a close', ['error']],
    ['a close without an error', ['close']],
    ['an error and a close', ['error', 'close']],
    ['a close and an error', ['close', 'error']],
  ] as const)('WS-44 is one loss: %s', async (_what, events) => {
    const { puppet, losses, clock } = await withPuppet();

    for (const event of events) {
      if (event === 'error') puppet.onerror?.({});
      else puppet.onclose?.({ code: 1006, reason: '' });
    }

    expect(losses).toMatchObject([
      { failure: { retryable: true, closeCode: 1006 }, retryInMs: 500 },
    ]);
    await clock.advance(500);
    expect(Puppet.made).toHaveLength(2);
  });

  it('WS-44 is one loss also where the close says neither code nor reason', async () => {
    const { puppet, losses, consumer, clock } = await withPuppet();

    // as on some phones
    puppet.onclose?.({} as never);

    expect(losses).toMatchObject([{ failure: { retryable: true }, retryInMs: 500 }]);
    expect(consumer.end).toBeUndefined();
    await clock.advance(500);
    expect(Puppet.made).toHaveLength(2);
  });

  it('WS-44 nothing of a socket that was given up is heard any more', async () => {
    const { puppet, losses, violations, consumer, clock } = await withPuppet();
    puppet.onerror?.({});
    await clock.settle();

    puppet.onopen?.();
    puppet.onmessage?.({ data: '{"type":"connection_ack"}' });
    puppet.onmessage?.({ data: '{' });
    puppet.onclose?.({ code: 4401, reason: '' });
    await clock.settle();

    expect(puppet.sent).toEqual([]);
    expect(losses).toHaveLength(1);
    expect(violations).toEqual([]);
    expect(consumer.end).toBeUndefined();
  });

  it('a constructor that throws ends the operation with what it threw', async () => {
    class Broken extends Puppet {
      constructor() {
        super();
        throw new SyntaxError('not such a URL');
      }
    }
    const { client } = watchClient('ws://broken', { socket: { WebSocket: Broken } });
    const consumer = consume(client.subscribe({ query }));

    expect(await consumer.failed()).toMatchObject({
      code: 'CLIENT_ERROR',
      retryable: false,
      cause: { message: 'not such a URL' },
    });
  });
});

describe('how a client closes a WebSocket', () => {
  /** As strict as a browser is about `close`. */
  class Strict extends WebSocket {
    override close(code?: number, reason = ''): void {
      if (code !== undefined && code !== 1000 && !(code >= 3_000 && code <= 4_999)) {
        throw new DOMException(`${code} is not allowed`, 'InvalidAccessError');
      }
      if (Buffer.byteLength(reason) > 123) {
        throw new DOMException('The reason is too long', 'SyntaxError');
      }
      super.close(code, reason);
    }
  }
  const socket = { WebSocket: Strict };
  /** Says much about what it cannot read. */
  const wordy: ClientProtocol = {
    ...graphqlTransportWs,
    decode: (frame) => {
      if (frame === 'gibberish') throw new Error('gibberisch äöü 🙂 '.repeat(20));
      return graphqlTransportWs.decode(frame);
    },
  };

  it('WS-45 with 1000 when it leaves', async () => {
    const server = await serveProtocol();
    const { client } = watchClient(server.url, { socket });
    consume(client.subscribe({ query }));
    const peer = await server.ready();
    await peer.next();

    client.close();

    expect(await peer.closed()).toMatchObject({ code: 1000 });
  });

  it('WS-45 with a reason of at most 123 bytes, whatever there is to say', async () => {
    const server = await serveProtocol();
    const { client } = watchClient(server.url, { socket: { ...socket, protocol: wordy } });
    const consumer = consume(client.subscribe({ query }));
    const peer = await server.connection();
    await peer.next();

    peer.write('gibberish');

    const { code, reason } = await peer.closed();
    expect(code).toBe(4004);
    expect(Buffer.byteLength(reason)).toBeLessThanOrEqual(123);
    expect(await consumer.failed()).toMatchObject({ closeCode: 4004, retryable: false });
  });

  it('and does not wait for ever for the answer of the server', async () => {
    const server = await serveRaw();
    const { client } = watchClient(server.url, { socket: { socketOptions: { closeTimeout: 20 } } });
    consume(client.subscribe({ query }));
    const connection = await server.next();
    await upgrade(connection);
    await maskedFrames(connection, 1);

    client.close();

    // unread in there: the close frame
    expect(await connection.ended()).not.toHaveLength(0);
  });

  it('WS-45 with 4005 when the application has no parameters for it', async () => {
    const server = await serveProtocol();
    const { client } = watchClient(server.url, {
      socket,
      connectionParams: () => Promise.reject(new Error('ä'.repeat(200))),
    });
    const consumer = consume(client.subscribe({ query }));
    const peer = await server.connection();

    expect(await peer.closed()).toEqual({ code: 4005, reason: 'Internal client error' });
    expect(await consumer.failed()).toMatchObject({ code: 'CLIENT_ERROR' });
  });

  it('WS-45 with 4504 when the server acknowledges nothing, and with 4499 when it is dead', async () => {
    const server = await serveProtocol();
    const { client, clock, comeBack } = watchClient(server.url, { socket });
    consume(client.subscribe({ query }));
    const mute = await server.connection();
    await mute.next();
    await clock.advance(10_000);
    expect(await mute.closed()).toMatchObject({ code: 4504 });
    await comeBack();

    const dead = await server.ready();
    await dead.next();
    await clock.advance(60_000);

    expect(await dead.closed()).toMatchObject({ code: 4499 });
  });
});
