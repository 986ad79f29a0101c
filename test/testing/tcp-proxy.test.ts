import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';

import { VirtualClock } from 'millrace/testing';
import { startTcpProxy } from 'millrace/testing/node';
import type { TcpProxy, TcpProxyOptions } from 'millrace/testing/node';
import { describe, expect, it, onTestFinished } from 'vitest';
import { WebSocket } from 'ws';

import { serveFixture } from '../support/fixture-server.ts';
import { until } from '../support/waiting.ts';

/** One end of a TCP connection, and what happened to it. */
interface End {
  readonly socket: Socket;
  readonly heard: () => string;
  /** How it ended: in order, or with the code of the system's error. */
  readonly end: () => string | undefined;
}

function watch(socket: Socket): End {
  let heard = '';
  let end: string | undefined;
  socket.setEncoding('latin1');
  socket.on('data', (text: string) => (heard += text));
  socket.on('error', ({ code }: NodeJS.ErrnoException) => (end = code));
  socket.on('close', () => (end ??= 'closed'));
  onTestFinished(() => void socket.destroy());
  return { socket, heard: () => heard, end: () => end };
}

interface Stage {
  readonly proxy: TcpProxy;
  /** Connects, and gives both ends. */
  readonly dial: () => Promise<{ readonly client: End; readonly server: End }>;
  /** Connects without waiting for the server. */
  readonly call: () => End;
  readonly accepted: readonly End[];
}

async function stage(options: Partial<TcpProxyOptions> = {}): Promise<Stage> {
  const accepted: End[] = [];
  const listener = createServer((socket) => accepted.push(watch(socket)));
  await once(listener.listen(0, '127.0.0.1'), 'listening');
  onTestFinished(() => void listener.close());
  const { port } = listener.address() as AddressInfo; // it listens on a port
  const proxy = await startTcpProxy({ port, ...options });
  onTestFinished(() => proxy.close());
  const call = (): End => watch(connect({ port: proxy.port, host: '127.0.0.1' }));
  return {
    proxy,
    accepted,
    call,
    async dial() {
      const before = accepted.length;
      const client = call();
      await until(() => accepted.length > before, 'a connection');
      const server = accepted[before];
      if (!server) throw new Error('there is no connection');
      return { client, server };
    },
  };
}

describe('a TCP proxy', () => {
  it('passes everything on, and the end of each direction by itself', async () => {
    const { dial, proxy } = await stage();
    const { client, server } = await dial();

    client.socket.write('question');
    await until(() => server.heard() === 'question', 'the question');
    server.socket.end('answer');
    await until(() => client.end() !== undefined && server.end() !== undefined, 'the end');

    expect(client.heard()).toBe('answer');
    expect([client.end(), server.end()]).toEqual(['closed', 'closed']);
    await until(() => proxy.connections.length === 0, 'the connection to be forgotten');
  });

  it('waits for a reader that is slower than the writer', async () => {
    const { dial } = await stage();
    const { client, server } = await dial();
    const bytes = 8 * 1024 * 1024;
    client.socket.pause();

    server.socket.end(Buffer.alloc(bytes, 'x'));
    await until(() => server.socket.writableLength > 0, 'the writer to wait');
    client.socket.resume();
    await until(() => client.heard().length === bytes, 'everything');

    expect(client.heard()).toHaveLength(bytes);
  });

  it('resets connections', async () => {
    const { dial, proxy } = await stage();
    const { client, server } = await dial();

    proxy.reset();
    await until(() => client.end() !== undefined && server.end() !== undefined, 'both ends');

    expect([client.end(), server.end()]).toEqual(['ECONNRESET', 'ECONNRESET']);
  });

  it('resets a client whose server cannot be reached', async () => {
    const listener = createServer();
    await once(listener.listen(0, '127.0.0.1'), 'listening');
    const { port } = listener.address() as AddressInfo; // it listens on a port
    await once(listener.close(), 'close');
    const { call } = await stage({ port });

    const client = call();
    await until(() => client.end() !== undefined, 'the end');

    expect(client.end()).toBe('ECONNRESET');
  });

  it.each([0, 1, 7])('resets a connection after %i bytes', async (bytes) => {
    const { dial, proxy } = await stage();
    const { client, server } = await dial();

    proxy.connections[0]?.resetAfter({ bytes });
    server.socket.write('0123');
    server.socket.write('456789');
    await until(() => client.end() !== undefined && server.end() !== undefined, 'the end');

    expect(client.heard()).toBe('0123456789'.slice(0, bytes));
    expect(server.end()).toBe('ECONNRESET');
  });

  it('resets a connection on its way to the server', async () => {
    const { dial, proxy } = await stage();
    const { client, server } = await dial();

    proxy.connections[0]?.resetAfter({ bytes: 3 }, 'to-server');
    client.socket.write('0123456789');
    await until(() => server.end() !== undefined, 'the end');

    expect(server.heard()).toBe('012');
  });

  it('goes half-open: neither end learns anything, and new connections get no answer', async () => {
    const { dial, proxy } = await stage();
    const { client, server } = await dial();

    proxy.goHalfOpen();
    const other = await dial();
    client.socket.write('lost');
    other.client.socket.write('lost');
    server.socket.destroy();
    await until(() => server.end() !== undefined, 'the server to leave');
    await until(() => client.socket.writableLength === 0, 'the bytes to be taken');

    expect([server.heard(), other.server.heard()]).toEqual(['', '']);
    expect([client.end(), other.client.end()]).toEqual([undefined, undefined]);
  });

  it('recovers: what was half-open is reset, and new connections are served', async () => {
    const { dial, proxy } = await stage();
    const { client } = await dial();
    proxy.goHalfOpen();

    proxy.recover();
    await until(() => client.end() !== undefined, 'the end');
    const other = await dial();
    other.client.socket.write('again');
    await until(() => other.server.heard() === 'again', 'the bytes');

    expect(client.end()).toBe('ECONNRESET');
  });

  it('stalls: whoever writes has to wait, and nothing is lost', async () => {
    const { dial, proxy } = await stage();
    const { client, server } = await dial();
    const bytes = 8 * 1024 * 1024;

    proxy.connections[0]?.stall('to-client');
    server.socket.end(Buffer.alloc(bytes, 'x'));
    await until(() => server.socket.writableLength > 0, 'the writer to wait');
    const before = client.heard();
    proxy.connections[0]?.release();
    await until(() => client.heard().length === bytes, 'everything');

    expect(before).toBe('');
  });

  it('refuses connections, and keeps those that it has', async () => {
    const { dial, call, proxy } = await stage();
    const { client, server } = await dial();

    proxy.refuse();
    const refused = call();
    await until(() => refused.end() !== undefined, 'the refusal');
    client.socket.write('still here');
    await until(() => server.heard() === 'still here', 'the bytes');
    await proxy.accept();
    const later = await dial();

    expect(refused.end()).toBe('ECONNREFUSED');
    expect(later.client.end()).toBeUndefined();
  });

  it('restarts on the same port', async () => {
    const { dial, proxy } = await stage();
    const { client } = await dial();
    const { port } = proxy;

    await proxy.restart();
    await until(() => client.end() !== undefined, 'the end');
    await dial();

    expect(client.end()).toBe('ECONNRESET');
    expect(proxy.port).toBe(port);
  });

  it('closes, and twice is harmless', async () => {
    const { dial, call, proxy } = await stage();
    const { client } = await dial();

    await proxy.close();
    await proxy.close();
    const refused = call();
    await until(() => client.end() !== undefined && refused.end() !== undefined, 'the end');

    expect([client.end(), refused.end()]).toEqual(['ECONNRESET', 'ECONNREFUSED']);
  });
});

/** How long a byte is under way. */
async function measure(seed: number): Promise<number> {
  const clock = new VirtualClock();
  const { dial, proxy } = await stage({ clock, seed });
  const { client, server } = await dial();
  proxy.setWeather({ jitterMs: 1_000 });
  server.socket.write('a');
  await until(() => clock.timerCount === 1, 'the byte');
  while (client.heard() === '') {
    await clock.advance(1);
    // a socket needs turns of its own once the byte is written
    if (clock.timerCount === 0) await until(() => client.heard() !== '', 'the byte');
  }
  return clock.now();
}

describe('the weather of a TCP proxy', () => {
  it('delays what it reads, and keeps the order whatever the jitter', async () => {
    const clock = new VirtualClock();
    const { dial, proxy } = await stage({ clock });
    const { client, server } = await dial();
    proxy.setWeather({ latencyMs: 100, jitterMs: 50 }, 'to-client');

    server.socket.write('a');
    await until(() => clock.timerCount === 1, 'the first byte');
    server.socket.write('b');
    server.socket.write('c');
    await clock.advance(99);
    const before = client.heard();
    await clock.advance(101);
    await until(() => client.heard() === 'abc', 'all three');

    expect(before).toBe('');
  });

  it('jitters the same for the same seed', async () => {
    const [one, again, other] = [await measure(7), await measure(7), await measure(8)];

    expect(again).toBe(one);
    expect(other).not.toBe(one);
  });

  it('reads no more than so many bytes in a second', async () => {
    const clock = new VirtualClock();
    const { dial, proxy } = await stage({ clock });
    const { client, server } = await dial();
    proxy.setWeather({ bytesPerSecond: 1_000 });

    server.socket.write('a'.repeat(500));
    await until(() => client.heard().length === 500, 'the first bytes');
    server.socket.write('b');
    await clock.advance(499);
    const before = client.heard().length;
    await clock.advance(1);
    await until(() => client.heard().length === 501, 'the rest');

    expect(before).toBe(500);
  });
});

describe('a TCP proxy in front of a WebSocket server', () => {
  it.each([1, 2, 4])('resets a connection after %i messages, whole ones', async (messages) => {
    const server = await serveFixture();
    const proxy = await startTcpProxy({
      port: server.port,
      onConnection: (connection) => connection.resetAfter({ messages }),
    });
    onTestFinished(() => proxy.close());
    const heard: string[] = [];
    const url = server.webSocketUrl.replace(String(server.port), String(proxy.port));
    const socket = new WebSocket(url, 'graphql-transport-ws');
    socket.on('error', () => {}); // a close event follows
    socket.on('open', () => socket.send('{"type":"connection_init"}'));
    socket.on('message', (frame: Buffer) => {
      const { type } = JSON.parse(frame.toString()) as { readonly type: string }; // our server wrote it
      heard.push(type);
      if (type !== 'connection_ack') return;
      const payload = { query: 'subscription { countdown(from: 9) }' };
      socket.send(JSON.stringify({ id: '1', type: 'subscribe', payload }));
    });

    const [code] = (await once(socket, 'close')) as [number];

    expect(heard).toEqual(['connection_ack', 'next', 'next', 'next'].slice(0, messages));
    expect(code).toBe(1006);
  });
});
