import type { RequestListener, Server as HttpServer } from 'node:http';
import { createServer as createHttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import type { Attachment, Running } from 'millrace/adapters/node';
import { attach, listen } from 'millrace/adapters/node';
import type { Server, ServerOptions } from 'millrace/server';
import { createServer } from 'millrace/server';
import { afterEach, describe, expect, it } from 'vitest';
import { WebSocketServer } from 'ws';

import type { FixtureApp } from '../support/fixture-app.ts';
import { createFixtureApp } from '../support/fixture-app.ts';
import { sendHttp } from '../support/http-client.ts';
import type { RawConnection, ResponseHead, UpgradeRequest } from '../support/raw-websocket.ts';
import { RawConnections, opcodes, textFrame, upgradeRequest } from '../support/raw-websocket.ts';
import type { SocketClient } from '../support/socket-client.ts';
import { connectSocket } from '../support/socket-client.ts';

const modern = ['graphql-transport-ws'] as const;
const legacy = ['subscriptions-transport-ws'] as const;
const both = [...modern, ...legacy];
const onAnyPort = { port: 0, host: '127.0.0.1' } as const;
const hello = { body: { query: '{ hello }' } };
const world = { status: 200, json: { data: { hello: 'world' } } };

const connections = new RawConnections();
const clients: SocketClient[] = [];
const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  connections.destroyAll();
  for (const client of clients.splice(0)) client.socket.terminate();
  for (const close of closers.splice(0).toReversed()) await close();
});

interface Stage {
  readonly app: FixtureApp;
  readonly server: Server;
  readonly running: Running;
}

function create(options: Partial<ServerOptions> = {}): Pick<Stage, 'app' | 'server'> {
  const app = createFixtureApp();
  return { app, server: createServer({ ...options, schema: app.schema, broker: app.broker }) };
}

async function serve(
  options: Partial<ServerOptions> = {},
  listening: Parameters<typeof listen>[1] = {},
): Promise<Stage> {
  const { app, server } = create(options);
  const running = await listen(server, { ...onAnyPort, ...listening });
  closers.push(() => running.close());
  return { app, server, running };
}

async function connect(...parameters: Parameters<typeof connectSocket>): Promise<SocketClient> {
  const client = await connectSocket(...parameters);
  clients.push(client);
  return client;
}

/** Opens a socket and has it acknowledged. */
async function connectReady(url: string): Promise<SocketClient> {
  const client = await connect(url, 'graphql-transport-ws');
  client.send(JSON.stringify({ type: 'connection_init' }));
  expect(await client.next()).toEqual({ kind: 'message', message: { type: 'connection_ack' } });
  return client;
}

async function expectAlive(client: SocketClient): Promise<void> {
  client.send(JSON.stringify({ id: 'a', type: 'subscribe', payload: { query: '{ hello }' } }));
  const payload = { data: { hello: 'world' } };
  expect(await client.next()).toEqual({
    kind: 'message',
    message: { id: 'a', type: 'next', payload },
  });
  expect(await client.next()).toEqual({ kind: 'message', message: { id: 'a', type: 'complete' } });
}

/** Asks for an upgrade and gives the answer. */
async function ask(
  port: number,
  request: UpgradeRequest,
): Promise<{ readonly connection: RawConnection; readonly head: ResponseHead }> {
  const connection = await connections.open(port);
  connection.write(upgradeRequest(request));
  return { connection, head: await connection.head() };
}

const offering = (
  offered: string | null,
  more: UpgradeRequest['headers'] = {},
): UpgradeRequest => ({
  headers: { 'Sec-WebSocket-Protocol': offered, ...more },
});

describe('choosing a protocol', () => {
  interface Choice {
    readonly says: string;
    readonly protocols: ServerOptions['protocols'];
    readonly offered: string | null;
    readonly chosen: readonly string[] | undefined;
    readonly closedWith?: number;
  }
  const choices: readonly Choice[] = [
    {
      says: 'TW-1 graphql-transport-ws is answered with exactly that',
      protocols: modern,
      offered: 'graphql-transport-ws',
      chosen: ['graphql-transport-ws'],
    },
    {
      says: 'TW-2 graphql-transport-ws is chosen though it is offered last',
      protocols: both,
      offered: 'graphql-ws, graphql-transport-ws',
      chosen: ['graphql-transport-ws'],
    },
    {
      says: 'TW-2 graphql-transport-ws is chosen when it is offered first',
      protocols: both,
      offered: 'graphql-transport-ws, graphql-ws',
      chosen: ['graphql-transport-ws'],
    },
    {
      says: 'TW-3 without an acceptable token the answer has none',
      protocols: modern,
      offered: 'graphql-ws',
      chosen: undefined,
      closedWith: 4406,
    },
    {
      says: 'TW-4 without any token the socket is closed with 4406',
      protocols: modern,
      offered: null,
      chosen: undefined,
      closedWith: 4406,
    },
    {
      says: 'TW-4 without any token the socket is closed with 4406 where both protocols are spoken, too',
      protocols: both,
      offered: null,
      chosen: undefined,
      closedWith: 4406,
    },
    {
      says: 'LW-1 graphql-ws alone is echoed',
      protocols: legacy,
      offered: 'graphql-ws',
      chosen: ['graphql-ws'],
    },
    {
      says: 'LW-1 graphql-ws alone is echoed where both protocols are spoken',
      protocols: both,
      offered: 'graphql-ws',
      chosen: ['graphql-ws'],
    },
    {
      says: 'LW-2 a server of the legacy protocol alone chooses it, not the first token',
      protocols: legacy,
      offered: 'graphql-transport-ws, graphql-ws',
      chosen: ['graphql-ws'],
    },
    {
      says: 'LW-3 without a usable token a server of the legacy protocol alone closes with 1002',
      protocols: legacy,
      offered: 'graphql-transport-ws',
      chosen: undefined,
      closedWith: 1002,
    },
  ];

  it.each(choices)('$says', async ({ protocols = [], offered, chosen, closedWith }) => {
    const { running, server } = await serve({ protocols });

    const { connection, head } = await ask(running.port, offering(offered));

    expect(head.status).toBe(101);
    expect(head.headers['sec-websocket-protocol']).toEqual(chosen);
    if (closedWith === undefined) {
      connection.send(textFrame({ type: 'connection_init' }));
      const { payload } = await connection.frame();
      expect(JSON.parse(payload.toString('utf8'))).toEqual({ type: 'connection_ack' });
    } else {
      const { opcode, payload } = await connection.frame();
      expect([opcode, payload.readUInt16BE(0)]).toEqual([opcodes.close, closedWith]);
      expect(server.gauges().connections).toBe(0);
    }
  });

  it.each([
    ['a token with a space', 'graphql transport ws'],
    ['a token with a slash', 'graphql-transport-ws, a/b'],
    ['a token twice', 'graphql-transport-ws, graphql-transport-ws'],
    ['a quoted token', '"graphql-transport-ws"'],
  ])('refuses %s with 400', async (_what, offered) => {
    const { running, server } = await serve();

    const { connection, head } = await ask(running.port, offering(offered));

    expect(head.status).toBe(400);
    await connection.ended();
    expect(server.gauges().connections).toBe(0);
  });
});

describe('the origin of an upgrade', () => {
  const host = { Host: 'app.example' };
  const foreign = { ...host, Origin: 'https://evil.example' };
  const options = { allowedOrigins: ['https://partner.example'] };

  it.each([
    ['cookies from a foreign page', { ...foreign, Cookie: 'a=b' }],
    ['authorization from a foreign page', { ...foreign, Authorization: 'Basic YTpi' }],
    ['cookies from another port', { ...host, Origin: 'https://app.example:1', Cookie: 'a=b' }],
    [
      'cookies from another scheme, whose default port is another',
      { Host: 'app.example:443', Origin: 'http://app.example', Cookie: 'a=b' },
    ],
    ['cookies from a file', { Host: 'localhost', Origin: 'file://', Cookie: 'a=b' }],
    ['cookies from a sandbox', { ...host, Origin: 'null', Cookie: 'a=b' }],
    [
      'cookies from what looks like an allowed page',
      { ...host, Origin: 'https://partner.example.evil.example', Cookie: 'a=b' },
    ],
  ])('with %s is refused with 403 before anything is upgraded', async (_with, headers) => {
    const { running, server } = await serve(options);

    const { connection, head } = await ask(running.port, offering('graphql-transport-ws', headers));

    expect(head.status).toBe(403);
    await connection.ended();
    expect(server.gauges().connections).toBe(0);
  });

  it.each([
    ['cookies from a page of its own', { ...host, Origin: 'https://app.example', Cookie: 'a=b' }],
    [
      'cookies from a page of its own behind a proxy that names the port',
      { Host: 'App.example:443', Origin: 'https://app.example', Cookie: 'a=b' },
    ],
    [
      'authorization from an allowed page',
      { ...host, Origin: 'https://partner.example', Authorization: 'Basic YTpi' },
    ],
    ['cookies from a program', { ...host, Cookie: 'a=b' }],
    ['nothing that identifies a user, from a foreign page', foreign],
  ])('with %s is accepted', async (_with, headers) => {
    const { running } = await serve(options);

    const { head } = await ask(running.port, offering('graphql-transport-ws', headers));

    expect(head.status).toBe(101);
  });
});

describe('paths', () => {
  it('an upgrade on another path gets 404', async () => {
    const { running } = await serve();

    const { connection, head } = await ask(running.port, { path: '/graphql2' });

    expect(head.status).toBe(404);
    await connection.ended();
  });

  it('several of them are served alike, whatever their query', async () => {
    const { running } = await serve({}, { path: ['/graphql', '/subscriptions'] });
    const { origin } = new URL(running.url);

    expect(running.url).toBe(`${origin}/graphql`);
    for (const path of ['/graphql?a=/x', '/subscriptions']) {
      await expectAlive(await connectReady(origin + path));
      expect(await sendHttp(origin, { ...hello, path })).toMatchObject(world);
    }
    expect(await sendHttp(origin, { ...hello, path: '/' })).toMatchObject({ status: 404 });
  });
});

describe('a server that listens', () => {
  it('chooses a free port and tells where it is', async () => {
    const { running } = await serve();

    expect(running.port).toBeGreaterThan(0);
    expect(running.url).toBe(`http://127.0.0.1:${running.port}/graphql`);
    expect(await sendHttp(running.url, hello)).toMatchObject(world);
  });

  it.each([
    [undefined, 'localhost'],
    ['::1', '[::1]'],
  ])('is found under its url when the host is %s', async (host, shown) => {
    const running = await listen(create().server, { port: 0, ...(host !== undefined && { host }) });
    closers.push(() => running.close());

    expect(running.url).toBe(`http://${shown}:${running.port}/graphql`);
    expect(await sendHttp(running.url, hello)).toMatchObject(world);
  });

  it('rejects with the error of the system when its port is taken', async () => {
    const { running } = await serve();
    const { server } = create();

    await expect(listen(server, { ...onAnyPort, port: running.port })).rejects.toMatchObject({
      code: 'EADDRINUSE',
    });

    // nothing of the attempt is left: the same server may listen elsewhere
    const elsewhere = await listen(server, onAnyPort);
    expect(await sendHttp(elsewhere.url, hello)).toMatchObject(world);
    await elsewhere.close();
  });

  it('frees its port, and closing again changes nothing', async () => {
    const { running } = await serve();
    await connectReady(running.url);

    await Promise.all([running.close(), running.close()]);
    await running.close();

    const next = await listen(create().server, { ...onAnyPort, port: running.port });
    await next.close();
    expect(next.port).toBe(running.port);
  });

  it('TW-56 closes its sockets with 1001 and resolves once they are gone', async () => {
    const { running, server } = await serve();
    const ready = await connectReady(running.url);
    const silent = await connect(running.url, 'graphql-transport-ws');

    await running.close();

    expect(server.gauges()).toEqual({ connections: 0, operations: 0, deadlines: 0, readers: 0 });
    for (const client of [ready, silent]) {
      expect(await client.next()).toEqual({ kind: 'close', code: 1001, reason: 'Going away' });
    }
  });

  it('refuses upgrades with 503 while it closes', async () => {
    const { running, server } = await serve();
    const open = await connections.upgrade(running.port); // answers no close, so that closing lasts
    const closed = server.close();

    const { head } = await ask(running.port, {});

    expect(head.status).toBe(503);
    open.socket.destroy();
    await closed;
  });
});

const answersEverything: RequestListener = (_request, response) => {
  response.writeHead(404).end('not mine');
};

const answersNothing: RequestListener = () => {};

interface Beside extends Pick<Stage, 'app' | 'server'> {
  readonly httpServer: HttpServer;
  readonly origin: string;
  readonly port: number;
  readonly close: Attachment['close'];
}

/** A server attached to an HTTP server whose own listener answers everything. */
async function serveBeside(): Promise<Beside> {
  const httpServer = createHttpServer(answersEverything);
  const { app, server } = create();
  const attachment = attach(server, httpServer);
  await new Promise<void>((resolve) => void httpServer.listen(0, '127.0.0.1', resolve));
  const { port } = httpServer.address() as AddressInfo; // it listens on a port
  closers.push(async () => {
    await attachment.close();
    httpServer.closeAllConnections();
    await new Promise((resolve) => void httpServer.close(resolve));
  });
  return {
    app,
    server,
    httpServer,
    port,
    origin: `http://127.0.0.1:${port}`,
    close: () => attachment.close(),
  };
}

describe('a server beside your own', () => {
  it('answers its path; the rest is yours, though your listener answers everything', async () => {
    const { origin } = await serveBeside();

    expect(await sendHttp(origin, hello)).toMatchObject(world);
    expect(await sendHttp(origin, { path: '/other' })).toMatchObject({
      status: 404,
      text: 'not mine',
    });
    await expectAlive(await connectReady(`${origin}/graphql`));
  });

  it('leaves upgrades on other paths to your own WebSocket server, before and after', async () => {
    const { origin, httpServer } = await serveBeside();
    const own = new WebSocketServer({ noServer: true });
    httpServer.on('upgrade', (request, socket, head) => {
      if (request.url === '/own')
        own.handleUpgrade(request, socket, head, (ws) => ws.send('"own"'));
    });

    const client = await connect(`${origin}/own`, undefined);

    expect(await client.next()).toEqual({ kind: 'message', message: 'own' });
    await expectAlive(await connectReady(`${origin}/graphql`));
  });

  it('protects its upgrades from a WebSocket server that was there before and refuses other paths', async () => {
    const httpServer = createHttpServer();
    const own = new WebSocketServer({ server: httpServer, path: '/own' });
    const attachment = attach(create().server, httpServer);
    await new Promise<void>((resolve) => void httpServer.listen(0, '127.0.0.1', resolve));
    const { port } = httpServer.address() as AddressInfo; // it listens on a port
    closers.push(async () => {
      await attachment.close();
      own.close();
      await new Promise((resolve) => void httpServer.close(resolve));
    });

    await expectAlive(await connectReady(`http://127.0.0.1:${port}/graphql`));
    expect((await ask(port, { path: '/own', ...offering(null) })).head.status).toBe(101);
    connections.destroyAll();
  });

  it('refuses upgrades on other paths if nobody else could answer them', async () => {
    const { port } = await serveBeside();

    expect((await ask(port, { path: '/other' })).head.status).toBe(404);
  });

  it('shares an HTTP server with another one, in whatever order they are closed', async () => {
    const { httpServer, origin, close } = await serveBeside();
    const second = attach(create().server, httpServer, { path: '/second' });
    const statuses = async () => [
      (await sendHttp(origin, { ...hello, path: '/graphql' })).status,
      (await sendHttp(origin, { ...hello, path: '/second' })).status,
    ];

    expect(await statuses()).toEqual([200, 200]);
    await close();
    expect(await statuses()).toEqual([404, 200]);
    await second.close();
    expect(await statuses()).toEqual([404, 404]);
    expect(httpServer.listeners('request')).toEqual([answersEverything]);
    expect(httpServer.listeners('upgrade')).toEqual([]);
  });

  it('gives the listeners back when it is closed, in their order', async () => {
    const httpServer = createHttpServer(answersEverything);
    const before = { request: [answersEverything], upgrade: [] };
    const listeners = () => ({
      request: httpServer.rawListeners('request'),
      upgrade: httpServer.rawListeners('upgrade'),
    });
    const attachment = attach(create().server, httpServer);
    httpServer.on('request', answersNothing);

    await attachment.close();
    await attachment.close();

    expect(listeners()).toEqual({ ...before, request: [answersEverything, answersNothing] });
  });

  it('closes its sockets with 1001 and leaves your server open', async () => {
    const { origin, httpServer, close } = await serveBeside();
    const client = await connectReady(`${origin}/graphql`);

    await close();

    expect(await client.next()).toEqual({ kind: 'close', code: 1001, reason: 'Going away' });
    expect(httpServer.listening).toBe(true);
    expect(await sendHttp(origin, hello)).toMatchObject({ status: 404, text: 'not mine' });
  });
});

/** What is open once a witness and a newcomer were served. */
async function openAfter({ running, server }: Stage, witness: SocketClient): Promise<unknown> {
  await expectAlive(witness);
  await expectAlive(await connectReady(running.url));
  const { connections: sockets, operations, readers } = server.gauges();
  return { sockets, operations, readers };
}

const unharmed = { sockets: 2, operations: 0, readers: 0 };

/** Resolves once the system has what was written. */
async function sent({ socket }: RawConnection): Promise<void> {
  await new Promise((resolve) => void socket.write('', resolve));
}

describe('a peer that misbehaves harms nobody else', () => {
  it.each([
    ['before it says anything', ''],
    ['within its request', upgradeRequest({}).slice(0, 60)],
    ['right behind its request', upgradeRequest({})],
    ['right behind a request that is refused', upgradeRequest({ path: '/other' })],
    ['right behind a request without a token', upgradeRequest(offering(null))],
  ])('a reset %s', async (_when, bytes) => {
    const stage = await serve();
    const witness = await connectReady(stage.running.url);

    for (let peers = 0; peers < 10; peers += 1) {
      const peer = await connections.open(stage.running.port);
      if (bytes !== '') peer.write(bytes);
      await sent(peer);
      peer.reset();
    }

    expect(await openAfter(stage, witness)).toEqual(unharmed);
  });

  it.each([
    ['after the upgrade', []],
    ['within a message', [{ opcode: opcodes.text, payload: '{"type":', fin: false }]],
    ['within a frame', [{ opcode: opcodes.text, payload: '{', declaredBytes: 1_000 }]],
    ['within the header of a frame', [{ opcode: opcodes.text, declaredBytes: 70_000 }]],
    ['behind a ping', [{ opcode: opcodes.ping }]],
    ['behind the init', [textFrame({ type: 'connection_init' })]],
  ])('a reset %s', async (_when, frames) => {
    const stage = await serve();
    const witness = await connectReady(stage.running.url);

    for (let peers = 0; peers < 10; peers += 1) {
      const peer = await connections.upgrade(stage.running.port);
      if (frames.length > 0) peer.send(...frames);
      await sent(peer);
      peer.reset();
    }

    expect(await openAfter(stage, witness)).toEqual(unharmed);
  });

  it('a reset with subscriptions that are running ends those, and no others', async () => {
    const stage = await serve();
    const witness = await connectReady(stage.running.url);
    const room = { query: 'subscription { message(room: "r") { text } }' };
    witness.send(JSON.stringify({ id: 'w', type: 'subscribe', payload: room }));
    const peer = await connectReady(stage.running.url);
    for (const id of ['1', '2', '3']) {
      peer.send(JSON.stringify({ id, type: 'subscribe', payload: room }));
    }
    expect(await peer.rest()).toEqual([]);
    expect(stage.app.openSources()).toBe(4);

    peer.socket.terminate();
    await expectAlive(witness);

    expect(stage.server.gauges()).toMatchObject({ connections: 1, operations: 1, readers: 1 });
    await stage.app.publish('r', 'still');
    expect(await witness.next()).toMatchObject({
      message: { id: 'w', payload: { data: { message: { text: 'still' } } } },
    });
  });

  it('a message that is too big closes its connection alone, with 1009', async () => {
    const stage = await serve({ limits: { messageBytes: 1_000 } });
    const witness = await connectReady(stage.running.url);
    const peer = await connectReady(stage.running.url);

    peer.send('x'.repeat(1_001));

    expect(await peer.next()).toMatchObject({ kind: 'close', code: 1009 });
    expect(await openAfter(stage, witness)).toEqual(unharmed);
  });
});
