import { spawn } from 'node:child_process';
import { once } from 'node:events';

import { createClient as createGraphqlWsClient } from 'graphql-ws';
import { createRedisGatewayStore } from 'millrace/adapters/gateway';
import { createClient } from 'millrace/client';
import { subscriptionsTransportWs, websocket } from 'millrace/client/websocket';
import { createClient as createRedisClient } from 'redis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';

import type { GatewayEvent } from '../../examples/gateway/functions.ts';
import { startLocalGateway } from '../../examples/gateway/local-gateway.ts';
import type { LocalGateway } from '../../examples/gateway/local-gateway.ts';
import { gatewayStoreContract } from '../contract/gateway-store-contract.ts';
import { bundleExample } from '../support/bundle-example.ts';
import type { ExampleBundle } from '../support/bundle-example.ts';
import { FunctionProcess } from '../support/gateway-processes.ts';
import type { FunctionPlace } from '../support/gateway-processes.ts';
import { shareRedis } from '../support/redis-server.ts';
import type { RedisShare } from '../support/redis-server.ts';
import { Inbox, until } from '../support/waiting.ts';

let share: RedisShare;
let redis: Awaited<ReturnType<typeof connectRedis>>;
let prefix: string;
let count = 0;

const connectRedis = () => createRedisClient({ url: share.url }).connect();

beforeAll(async () => {
  share = await shareRedis();
  redis = await connectRedis();
});
afterAll(async () => {
  await redis.close();
  await share.close();
});
beforeEach(() => {
  count += 1;
  prefix = `${share.prefix}-${count}`;
});

const keys = (): Promise<string[]> => redis.keys(`${prefix}:*`);

gatewayStoreContract('over Redis', async () => ({
  store: createRedisGatewayStore(redis, { prefix, pageSubscriptions: 100 }),
  close: async () => {},
}));

describe('the gateway store over Redis', () => {
  const place = { topic: 'topic', key: 'key' };

  it('lets everything expire, a key with the last that is in it', async () => {
    const store = createRedisGatewayStore(redis, { prefix });
    const now = Date.now();
    await store.writeConnection('a', { version: 1, text: 'x' }, now + 60_000);
    await store.addSubscription({ place, token: 'x', text: 'x', expiresAt: now + 90_000 });
    await store.addSubscription({ place, token: 'y', text: 'y', expiresAt: now + 30_000 });

    const left = await Promise.all((await keys()).map((key) => redis.pTTL(key)));
    const [connection = 0, subscriptions = 0] = left.toSorted((one, other) => one - other);

    expect(left).toHaveLength(2);
    expect(connection).toBeGreaterThan(30_000);
    expect(connection).toBeLessThanOrEqual(60_000);
    expect(subscriptions).toBeGreaterThan(60_000);
    expect(subscriptions).toBeLessThanOrEqual(90_000);
  });

  it('gives no subscription that has expired, and removes it', async () => {
    const expiresAt = Date.now() + 60_000;
    const store = createRedisGatewayStore(redis, { prefix });
    await store.addSubscription({ place, token: 'x', text: 'x', expiresAt });
    await store.addSubscription({ place, token: 'y', text: 'y', expiresAt: expiresAt + 60_000 });
    const then = createRedisGatewayStore(redis, { prefix, now: () => expiresAt + 1 });

    expect(await then.listSubscriptions(place, undefined)).toEqual({ texts: ['y'] });
    expect(await store.listSubscriptions(place, undefined)).toEqual({ texts: ['y'] });
  });
});

/** Messages that were dealt with, by what stands in them. */
class Calls {
  readonly #ended: GatewayEvent[] = [];

  follow(gateway: LocalGateway, handle: LocalGateway['invoke']): void {
    gateway.invoke = async (event) => {
      const answer = await handle(event);
      this.#ended.push(event);
      return answer;
    };
  }

  ended(text: string, times = 1): Promise<void> {
    const isMeant = ({ body, requestContext }: GatewayEvent): boolean =>
      (body ?? requestContext.eventType).includes(text);
    return until(() => this.#ended.filter(isMeant).length >= times, `a call for ${text}`);
  }
}

describe('a hosted gateway whose functions run in several processes and remember nothing', () => {
  let bundle: ExampleBundle;
  /** Two that serve, and one that publishes. */
  let processes: readonly FunctionProcess[];
  let gateway: LocalGateway;
  let calls: Calls;
  let cleanups: (() => unknown)[];

  beforeAll(async () => {
    bundle = await bundleExample(import.meta.resolve('../support/gateway-function-process.ts'));
    processes = await Promise.all(Array.from({ length: 3 }, startProcess));
  }, 60_000);
  afterAll(async () => {
    await Promise.all(processes.map((each) => each.kill()));
    await bundle.remove();
  });
  beforeEach(async () => {
    cleanups = [];
    gateway = await startLocalGateway();
    calls = new Calls();
    calls.follow(gateway, inTurn(processes.slice(0, 2)));
  });
  afterEach(async () => {
    for (const cleanup of cleanups) await cleanup();
    await gateway.close();
  });

  const startProcess = (): Promise<FunctionProcess> =>
    FunctionProcess.start(bundle.file, share.url);

  const place = (): FunctionPlace => ({ pushUrl: gateway.pushUrl, prefix });

  /** Asks one process after the other. */
  const inTurn = (serving: readonly FunctionProcess[]): LocalGateway['invoke'] => {
    let turn = 0;
    return async (event) => {
      turn += 1;
      const next = serving[turn % serving.length];
      return next ? next.handle(place(), event) : { statusCode: 503 };
    };
  };

  const say = async (room: string, text: string, by = 'cleo'): Promise<unknown> =>
    processes[2]?.publish(place(), { room, text, by });

  it('serves graphql-ws: queries, mutations, subscriptions and their end', async () => {
    const client = createGraphqlWsClient({
      url: gateway.url,
      webSocketImpl: WebSocket,
      connectionParams: { user: 'ada' },
      lazy: false,
      retryAttempts: 0,
    });
    cleanups.push(() => client.dispose());
    const results = new Inbox<unknown>('result');
    const subscribe = (query: string): (() => void) =>
      client.subscribe({ query }, { next: results.push, error: results.push, complete: () => {} });

    subscribe('{ me }');
    expect(await results.next()).toEqual({ data: { me: 'ada' } });
    const stop = subscribe('subscription { said(room: "x") { text by } }');
    await calls.ended('said(room');
    await say('x', 'one');
    await say('y', 'two');
    await say('x', 'three');
    expect(await results.take(2)).toEqual([
      { data: { said: { text: 'one', by: 'cleo' } } },
      { data: { said: { text: 'three', by: 'cleo' } } },
    ]);
    subscribe('mutation { say(room: "x", text: "four") }');
    expect(await results.take(2)).toEqual([
      { data: { said: { text: 'four', by: 'ada' } } },
      { data: { say: true } },
    ]);
    stop();
    await calls.ended('complete');

    expect(await say('x', 'five')).toMatchObject({ delivered: 0 });
    await client.dispose();
    await calls.ended('DISCONNECT');
    expect(await keys()).toEqual([]);
  });

  it('serves this package, and passes filters by the stored session', async () => {
    const people = ['ada', 'bob'].map((user) => {
      const client = createClient({
        url: gateway.url,
        transport: websocket(),
        connectionParams: { user },
      });
      cleanups.push(() => client.close());
      return client.subscribe({ query: 'subscription { saidByOthers(room: "x") { text } }' });
    });
    const received = people.map(async (results) => {
      for await (const { data } of results) return data;
      return undefined;
    });
    await calls.ended('saidByOthers', 2);

    await say('x', 'of ada', 'ada');
    await say('x', 'of bob', 'bob');

    expect(await Promise.all(received)).toEqual([
      { saidByOthers: { text: 'of bob' } },
      { saidByOthers: { text: 'of ada' } },
    ]);
  });

  it('serves the older protocol, whose clients do not wait for the acknowledgement', async () => {
    const client = createClient({
      url: gateway.url,
      transport: websocket({ protocol: subscriptionsTransportWs }),
    });
    cleanups.push(() => client.close());
    const results = client.subscribe({ query: 'subscription { said(room: "x") { text } }' });
    const first = results[Symbol.asyncIterator]().next();
    await calls.ended('said(room');

    await say('x', 'hi');

    expect(await first).toMatchObject({ value: { data: { said: { text: 'hi' } } } });
  });

  it('starts what comes in one burst with the init message of the older protocol', async () => {
    const socket = new WebSocket(gateway.url, 'graphql-ws');
    cleanups.push(() => socket.terminate());
    const frames = new Inbox<unknown>('frame');
    socket.on('message', (data: Buffer) => frames.push(JSON.parse(data.toString('utf8'))));
    socket.on('open', () => {
      socket.send('{"type":"connection_init"}');
      for (const id of ['1', '2', '3']) {
        socket.send(JSON.stringify({ id, type: 'start', payload: { query: '{ me }' } }));
      }
    });

    const received = await frames.take(7); // one of them acknowledges; no `ka` promises others

    expect(received.filter((frame) => isOfType(frame, 'data'))).toHaveLength(3);
    expect(received.filter((frame) => isOfType(frame, 'complete'))).toHaveLength(3);
  });

  it('refuses the handshake of a client that speaks no protocol of it', async () => {
    const socket = new WebSocket(gateway.url, 'something-else');
    const failed = new Promise((resolve) => {
      socket.once('error', resolve);
    });

    expect(String(await failed)).toContain('400');
    expect(await keys()).toEqual([]);
  });

  it('closes with the code that the protocol has for it', async () => {
    const socket = new WebSocket(gateway.url, 'graphql-transport-ws');
    const closed = new Promise((resolve) => {
      socket.once('close', (code, reason) => resolve([code, reason.toString('utf8')]));
    });
    socket.on('open', () => socket.send('no JSON'));

    expect(await closed).toEqual([4400, 'Invalid message received']);
    await calls.ended('DISCONNECT');
    expect(await keys()).toEqual([]);
  });

  it('removes a connection of whose end nobody told, at the next event', async () => {
    const { invoke } = gateway;
    calls.follow(gateway, async (event) =>
      event.requestContext.eventType === 'DISCONNECT' ? { statusCode: 200 } : invoke(event),
    );
    const client = createGraphqlWsClient({ url: gateway.url, webSocketImpl: WebSocket });
    client.subscribe(
      { query: 'subscription { said(room: "x") { text } }' },
      { next: () => {}, error: () => {}, complete: () => {} },
    );
    await calls.ended('said(room');
    client.terminate();
    await client.dispose();
    await calls.ended('DISCONNECT');
    expect(await keys()).toHaveLength(2);

    expect(await say('x', 'hi')).toEqual({ delivered: 0, gone: 1, failed: 0 });
    expect(await keys()).toEqual([]);
  });

  it('serves on when one of the processes is killed', async () => {
    const mortal = await startProcess();
    calls.follow(gateway, inTurn([mortal, ...processes.slice(0, 1)]));
    const client = createClient({ url: gateway.url, transport: websocket() });
    cleanups.push(() => client.close());
    const received = new Inbox<unknown>('result');
    const listen = async (room: string): Promise<void> => {
      const query = `subscription { said(room: "${room}") { text } }`;
      for await (const { data } of client.subscribe({ query })) received.push(data);
    };
    const rooms = ['x', 'y', 'z', 'u', 'v', 'w'];
    const listening = rooms.map(listen);
    await calls.ended('said(room', rooms.length);
    for (const room of rooms) expect(await say(room, room)).toMatchObject({ delivered: 1 });
    expect(await received.take(rooms.length)).toEqual(
      rooms.map((room) => ({ said: { text: room } })),
    );

    await mortal.kill();
    calls.follow(gateway, inTurn(processes.slice(0, 1)));
    await say('x', 'still here');

    expect(await received.next()).toEqual({ said: { text: 'still here' } });
    client.close();
    await Promise.allSettled(listening);
    await calls.ended('DISCONNECT');
    expect(await keys()).toEqual([]);
  }, 20_000);
});

describe('the example of a gateway', () => {
  it('starts, and answers', async () => {
    const bundle = await bundleExample(import.meta.resolve('../../examples/gateway/start.ts'));
    const child = spawn(process.execPath, [bundle.file], {
      env: { ...process.env, PORT: '0', REDIS_URL: share.url, PREFIX: prefix },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const exit = once(child, 'exit');
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    const url = /ws:\S+/.exec(line.toString('utf8'))?.[0] ?? '';
    const client = createClient({
      url,
      transport: websocket(),
      connectionParams: { user: 'ada' },
    });

    expect(await client.query({ query: '{ me }' })).toMatchObject({ data: { me: 'ada' } });
    client.close();
    child.kill('SIGKILL');
    await exit;
    await bundle.remove();
  }, 60_000);
});

function isOfType(frame: unknown, type: string): boolean {
  return typeof frame === 'object' && frame !== null && 'type' in frame && frame.type === type;
}
