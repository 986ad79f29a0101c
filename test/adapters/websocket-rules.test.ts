import { EventEmitter, once } from 'node:events';

import { listen } from 'millrace/adapters/node';
import type { Running } from 'millrace/adapters/node';
import type { Server } from 'millrace/server';
import { createServer } from 'millrace/server';
import { VirtualClock } from 'millrace/testing';
import { afterEach, describe, expect, it, vi } from 'vitest';

import type { FixtureApp } from '../support/fixture-app.ts';
import { createFixtureApp } from '../support/fixture-app.ts';
import type { RawConnection, ServerFrame } from '../support/raw-websocket.ts';
import {
  RawConnections,
  opcodes,
  textFrame,
  toBytes,
  upgradeRequest,
} from '../support/raw-websocket.ts';
import type { RuleStep, WebSocketRule } from './websocket-rules.ts';
import { websocketRules } from './websocket-rules.ts';

const rules = Object.entries<readonly WebSocketRule[]>(websocketRules).flatMap(([id, entries]) =>
  entries.map((rule) => [`${id} ${rule.says}`, rule] as const),
);

const connections = new RawConnections();
let running: Running | undefined;
afterEach(async () => {
  connections.destroyAll();
  await running?.close();
});

it.each(rules)('%s', async (_title, rule) => {
  const stage = createStage(rule.options);
  running = await listen(stage.server, onAnyPort);
  const connection = await connections.open(running.port);

  const trailing = (rule.trailing ?? []).map(toBytes);
  connection.write(Buffer.concat([Buffer.from(upgradeRequest(rule.request ?? {})), ...trailing]));
  const { status = 101, headers = {} } = rule.response ?? {};
  const head = await connection.head();
  expect(head.status).toBe(status);
  for (const [name, lines] of Object.entries(headers)) expect(head.headers[name]).toEqual(lines);

  await connection.body(Number(head.headers['content-length']?.[0] ?? 0));

  for (const step of rule.steps ?? []) await play(step, connection, stage);
});

describe('WS-21 a close that is not answered', () => {
  afterEach(() => void vi.useRealTimers());

  it('ends after 5 s, too, if a broken frame was the reason', async () => {
    const hooks = new EventEmitter();
    const gone = once(hooks, 'disconnect');
    const { server } = createStage({ onDisconnect: () => hooks.emit('disconnect') });
    running = await listen(server, onAnyPort);
    const connection = await connections.upgrade(running.port);
    connection.send(textFrame({ type: 'connection_init' }));
    await connection.frame();
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    connection.send({ opcode: 3 });
    await connection.ended(); // of the server's side; ours stays open
    expect(server.gauges().connections).toBe(1);

    vi.advanceTimersByTime(5_000);

    await gone;
    expect(server.gauges().connections).toBe(0);
  });
});

describe('WS-23 a slow reader', () => {
  const room = textFrame({
    id: 'r',
    type: 'subscribe',
    payload: { query: 'subscription { message(room: "r") { text } }' },
  });
  const text = 'x'.repeat(32_768);

  it('is closed with 1013 and destroyed, held in bounded memory, and disturbs nobody', async () => {
    const { app, clock, server } = createStage();
    const sockets: WatchedSocket[] = [];
    running = await listen(watching(server, sockets), onAnyPort);
    const [slow, slowSocket] = await subscribe(running.port, sockets);
    const [quick, quickSocket] = await subscribe(running.port, sockets);
    expect(server.gauges()).toMatchObject({ operations: 2, readers: 2 });
    slow.socket.pause();

    let published = 0;
    while (slowSocket.closedWith === undefined && published < 2_000) {
      await app.publish('r', text);
      published += 1;
      expect(messageOf(await quick.frame())).toMatchObject({ type: 'next' });
    }

    expect(slowSocket.closedWith).toBe(1013);
    expect(slowSocket.highestBufferedBytes).toBeGreaterThan(server.limits.outboxHighWaterBytes);
    expect(slowSocket.highestBufferedBytes).toBeLessThan(
      server.limits.outboxHighWaterBytes + 2 * text.length,
    );
    expect(server.gauges()).toMatchObject({ connections: 2, operations: 1, readers: 1 });

    await clock.advance(1_000);
    slow.socket.resume();
    await slow.ended();

    expect(server.gauges()).toMatchObject({ connections: 1, operations: 1, readers: 1 });
    await app.publish('r', 'still');
    expect(messageOf(await quick.frame())).toMatchObject({
      payload: { data: { message: { text: 'still' } } },
    });
    expect(quickSocket.closedWith).toBeUndefined();
  });

  it('has a source wait for it, and go on, even when the bounds are lower than those of Node', async () => {
    const { server } = createStage({ limits: { outboxHighWaterBytes: 3_000 } });
    const sockets: WatchedSocket[] = [];
    running = await listen(watching(server, sockets), onAnyPort);
    const connection = await connections.upgrade(running.port);
    const [watched] = sockets;
    if (!watched) throw new Error('the server opened nothing');
    connection.send(textFrame({ type: 'connection_init' }));
    await connection.frame();
    connection.socket.pause();
    const query = 'subscription { flood(bytes: 2000) }';
    connection.send(textFrame({ id: 'f', type: 'subscribe', payload: { query } }));
    await vi.waitFor(() => expect(watched.highestBufferedBytes).toBeGreaterThan(1_500), 4_000);

    watched.highestBufferedBytes = -1;
    connection.socket.resume();

    await vi.waitFor(() => expect(watched.highestBufferedBytes).not.toBe(-1), 4_000);
    expect(watched.closedWith).toBeUndefined();
  });

  async function subscribe(port: number, sockets: readonly WatchedSocket[]) {
    const connection = await connections.upgrade(port);
    const socket = sockets.at(-1);
    if (!socket) throw new Error('the server opened nothing');
    connection.send(textFrame({ type: 'connection_init' }));
    await connection.frame();
    connection.send(room, { opcode: opcodes.ping });
    expect((await connection.frame()).opcode).toBe(opcodes.pong); // the operation was read
    await new Promise((resolve) => void setImmediate(resolve)); // and has started
    return [connection, socket] as const;
  }
});

interface WatchedSocket {
  highestBufferedBytes: number;
  closedWith: number | undefined;
}

/** The same server, but what waits in its sockets can be seen. */
function watching(server: Server, watched: WatchedSocket[]): Server {
  const open: Server['open'] = (socket, accepted) => {
    const watch: WatchedSocket = { highestBufferedBytes: 0, closedWith: undefined };
    watched.push(watch);
    const measure = (): number => {
      watch.highestBufferedBytes = Math.max(watch.highestBufferedBytes, socket.bufferedBytes);
      return socket.bufferedBytes;
    };
    return server.open(
      {
        send: (frame) => {
          socket.send(frame);
          measure();
        },
        ping: () => socket.ping?.(),
        close: (code, reason) => {
          watch.closedWith = code;
          socket.close(code, reason);
          measure();
        },
        destroy: () => socket.destroy(),
        get bufferedBytes() {
          return measure();
        },
      },
      accepted,
    );
  };
  return {
    limits: server.limits,
    longestBodyMs: server.longestBodyMs,
    get state() {
      return server.state;
    },
    hasLocalBroker: server.hasLocalBroker,
    assumeResumeKeys: (keys) => server.assumeResumeKeys(keys),
    revoke: (revocation) => server.revoke(revocation),
    revokeHere: (isMeant) => server.revokeHere(isMeant),
    drain: (options) => server.drain(options),
    execute: (request, init) => server.execute(request, init),
    subscribe: (request, init) => server.subscribe(request, init),
    handleRequest: (request) => server.handleRequest(request),
    upgradePaths: (path) => server.upgradePaths(path),
    decideUpgrade: (request) => server.decideUpgrade(request),
    open,
    assumeCapacity: (maximum) => server.assumeCapacity(maximum),
    gauges: () => server.gauges(),
    counters: () => server.counters(),
    sharing: () => server.sharing(),
    close: () => server.close(),
  };
}

function messageOf(frame: ServerFrame): unknown {
  return JSON.parse(frame.payload.toString('utf8'));
}

const onAnyPort = { port: 0, host: '127.0.0.1' } as const;

interface Stage {
  readonly app: FixtureApp;
  readonly clock: VirtualClock;
  readonly server: Server;
}

function createStage(options: WebSocketRule['options'] = {}): Stage {
  const app = createFixtureApp();
  const clock = new VirtualClock();
  const server = createServer({ ...options, schema: app.schema, broker: app.broker, clock });
  return { app, clock, server };
}

async function play(step: RuleStep, connection: RawConnection, stage: Stage): Promise<void> {
  if ('send' in step) return connection.send(...step.send);
  if ('bytes' in step) return connection.write(step.bytes);
  if ('afterMs' in step) return stage.clock.advance(step.afterMs);
  if ('release' in step) return stage.app.release(step.release);
  if ('ends' in step) expect((await connection.ended()).toString('hex')).toBe('');
  else if ('destroyed' in step) await expectDestroyed(connection, stage);
  else await expectFrame(step, connection);
}

type FrameStep =
  | Extract<RuleStep, Record<'server', unknown> | Record<'pong', unknown> | Record<'ping', unknown>>
  | Extract<RuleStep, Record<'close', unknown> | Record<'closeAfterMessages', unknown>>;

async function expectFrame(step: FrameStep, connection: RawConnection): Promise<void> {
  let frame = await connection.frame();
  expect(frame).toMatchObject({ fin: true, rsv: 0, masked: false });
  if ('server' in step) {
    expect(frame.opcode).toBe(opcodes.text);
    expect(JSON.parse(frame.payload.toString('utf8'))).toEqual(step.server);
  } else if ('pong' in step) {
    expect(frame.opcode).toBe(opcodes.pong);
    expect(frame.payload.toString('utf8')).toBe(step.pong);
  } else if ('ping' in step) {
    expect(frame.opcode).toBe(opcodes.ping);
  } else if ('close' in step) {
    expectClose(frame, step.close);
    if (step.reason !== undefined) expect(reasonOf(frame)).toMatch(step.reason);
  } else {
    while (frame.opcode === opcodes.text) frame = await connection.frame();
    expectClose(frame, step.closeAfterMessages);
  }
}

function expectClose(frame: ServerFrame, code: number | undefined): void {
  expect({ opcode: frame.opcode, code: codeOf(frame) }).toEqual({ opcode: opcodes.close, code });
  expect(frame.payload.length).toBeLessThanOrEqual(125);
  expect(() => reasonOf(frame)).not.toThrow();
}

function codeOf({ payload }: ServerFrame): number | undefined {
  return payload.length < 2 ? undefined : payload.readUInt16BE(0);
}

function reasonOf({ payload }: ServerFrame): string {
  return new TextDecoder('utf-8', { fatal: true }).decode(payload.subarray(2));
}

/** Our side stays open all the time, so that the server cannot have waited for its end. */
async function expectDestroyed(connection: RawConnection, { server }: Stage): Promise<void> {
  expect((await connection.ended()).toString('hex')).toBe('');
  expect(server.gauges().connections).toBe(0);
}
