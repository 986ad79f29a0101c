import { execFileSync } from 'node:child_process';
import { setImmediate as turn } from 'node:timers/promises';

import { createRedisBroker } from 'millrace/broker/redis';
import type { RedisBroker, RedisBrokerOptions } from 'millrace/broker/redis';
import { startTcpProxy } from 'millrace/testing/node';
import { createClient } from 'redis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import type { LogReader } from '../../src/broker/types.ts';
import type { Clock, Position } from '../../src/vocabulary.ts';
import { readToFailure, takeEvents } from '../support/log-readers.ts';
import { RedisServer } from '../support/redis-server.ts';

let server: RedisServer;
let client: Awaited<ReturnType<typeof connect>>;
const open: (() => Promise<void>)[] = [];

const connect = () => createClient({ url: server.url }).connect();

/** Of topic `topic` and key `key`. */
const stream = 'millrace:topic:key';

const numbers = (count: number, first = 0) => Array.from({ length: count }, (_, i) => first + i);

beforeAll(async () => {
  server = await RedisServer.start('nothing');
});
afterAll(async () => {
  await server.close();
});
beforeEach(async () => {
  client = await connect();
  await client.flushAll();
});
afterEach(async () => {
  for (const close of open.splice(0).toReversed()) await close();
  client.destroy();
});

function createBroker(options: RedisBrokerOptions = {}): RedisBroker {
  const broker = createRedisBroker({ url: server.url, timeoutMs: 10_000, ...options });
  open.push(() => broker.close());
  return broker;
}

/** How many scripts were sent while `opening` ran: all that opening sends, but for what wakes the waiting read. */
async function countScripts(opening: () => Promise<readonly LogReader[]>) {
  await client.sendCommand(['CONFIG', 'RESETSTAT']);
  const readers = await opening();
  const stats = await client.info('commandstats');
  return { readers, scripts: Number(/cmdstat_eval:calls=(\d+)/.exec(stats)?.[1] ?? 0) };
}

const openAll = (broker: RedisBroker, key: string, positions: readonly Position[]) =>
  Promise.all(positions.map((position) => broker.read('topic', key, position)));

/** Arguments: how many events, how many entries to keep. */
const publishAndTrim = `
for i = 1, ARGV[1] do redis.call('XADD', KEYS[1], '*', 'event', i) end
redis.call('XTRIM', KEYS[1], 'MAXLEN', ARGV[2])`;

/** Another program, installed with the server. */
const redisCli = 'redis-cli';

function runRedisCli(...command: readonly string[]): void {
  execFileSync(redisCli, ['-p', String(server.port), ...command]);
}

/** The clock of a process that did nothing for a while: none of its timers fired. */
class LateClock implements Clock {
  lateMs = 0;
  readonly now = () => performance.now() + this.lateMs;
  readonly turn = () => turn();

  schedule(callback: () => void, delayMs: number): () => void {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  }
}

describe('readers that open at once', () => {
  it('cost two looks and two pages of history on a log that is new to the process', async () => {
    const positions = await createBroker().publishMany('topic', 'key', numbers(1_000));
    const broker = createBroker();
    await broker.head('topic', 'other');

    const { scripts, readers } = await countScripts(() =>
      openAll(broker, 'key', [...positions, ...positions, ...positions]),
    );

    expect(scripts).toBe(4);
    expect(readers.every(({ complete }) => complete)).toBe(true);
    for (const [i, reader] of readers.slice(0, 1_000).entries())
      expect(await takeEvents(reader, 999 - i)).toEqual(numbers(999 - i, i + 1));
  });

  it('cost two looks on a log that the process has been reading', async () => {
    const broker = createBroker();
    await broker.read('topic', 'key', undefined);
    const positions = await broker.publishMany('topic', 'key', numbers(1_000));
    await takeEvents(await broker.read('topic', 'key', positions[0]), 999);

    const { scripts } = await countScripts(() =>
      openAll(broker, 'key', [...positions, ...positions]),
    );

    expect(scripts).toBe(2);
  });

  it('cost two looks where they begin at the head', async () => {
    const broker = createBroker();
    await broker.head('topic', 'key');

    const { scripts } = await countScripts(() =>
      Promise.all(numbers(5_000).map(() => broker.read('topic', 'key', undefined))),
    );

    expect(scripts).toBe(2);
  });

  it('ask about a thousand positions with one look', async () => {
    const writer = createBroker({ retention: { events: 5_000 } });
    const positions = await writer.publishMany('topic', 'key', numbers(2_500));
    const broker = createBroker({ retention: { events: 5_000 } });
    await broker.head('topic', 'key');

    const { scripts, readers } = await countScripts(() => openAll(broker, 'key', positions));

    // one for the first, three for the others, and four pages
    expect(scripts).toBe(8);
    expect(readers.every(({ complete }) => complete)).toBe(true);
  });

  it('are each given what they lack, also if they ask while others are being answered', async () => {
    const positions = await createBroker().publishMany('topic', 'key', numbers(100));
    const broker = createBroker();

    const readers = [];
    for (const position of positions.toReversed()) {
      const opening = broker.read('topic', 'key', position);
      await Promise.race([opening, turn()]);
      readers.push(opening);
    }

    for (const [i, reader] of (await Promise.all(readers)).entries())
      expect(await takeEvents(reader, i)).toEqual(numbers(i, 100 - i));
  });
});

describe('events that leave Redis unread', () => {
  it('are missed by nobody who reads live without being told, before any later event', async () => {
    const broker = createBroker({ retention: { events: 10 } });
    const reader = await broker.read('topic', 'key', undefined);
    const position = await broker.publish('topic', 'key', 'seen');
    expect(await takeEvents(reader, 1)).toEqual(['seen']);

    await client.eval(publishAndTrim, { keys: [stream], arguments: ['30', '11'] });

    expect(await readToFailure(reader)).toEqual({ events: [], code: 'EVENTS_LOST' });
    const again = await broker.read('topic', 'key', position);
    expect(again.complete).toBe(false);
    await broker.publish('topic', 'key', 'next');
    expect(await takeEvents(again, 1)).toEqual(['next']);
  });

  it('are reported to a process that did nothing until they were gone', async () => {
    const broker = createBroker({ retention: { events: 10 } });
    const reader = await broker.read('topic', 'key', undefined);
    const position = await broker.publish('topic', 'key', 'seen');
    expect(await takeEvents(reader, 1)).toEqual(['seen']);

    // this process stands still meanwhile
    runRedisCli('XADD', stream, '*', 'event', '"may be in the socket"');
    runRedisCli('EVAL', publishAndTrim, '1', stream, '100', '11');

    const { events, code } = await readToFailure(reader);
    expect(code).toBe('EVENTS_LOST');
    expect(['may be in the socket']).toEqual(expect.arrayContaining([...events]));
    expect((await broker.read('topic', 'key', position)).complete).toBe(false);
  });

  it('are reported where a process came too late for what is old', async () => {
    const clock = new LateClock();
    const broker = createBroker({ clock, retention: { ageMs: 60_000 } });
    const reader = await broker.read('topic', 'key', undefined);
    await broker.publish('topic', 'key', 'seen');
    expect(await takeEvents(reader, 1)).toEqual(['seen']);

    clock.lateMs = 61_000;
    await client.eval(publishAndTrim, { keys: [stream], arguments: ['3', '1'] });

    expect(await readToFailure(reader)).toEqual({ events: [], code: 'EVENTS_LOST' });
  });
});

describe('a reader of what its process does not hold', () => {
  it('goes on where it was after Redis was away', async () => {
    const proxy = await startTcpProxy({ port: server.port });
    open.push(() => proxy.close());
    const url = `redis://127.0.0.1:${proxy.port}`;
    const statuses: string[] = [];
    const broker = createBroker({
      url,
      timeoutMs: 300,
      retention: { bytes: 10_000 },
      onStatus: ({ kind }) => statuses.push(kind),
    });
    const texts = numbers(400).map((n) => `${n} ${'x'.repeat(5_000)}`);
    const [first] = await createBroker().publishMany('topic', 'key', texts);
    const reader = await broker.read('topic', 'key', first);
    const [batch] = [await reader.read()];
    proxy.refuse();
    proxy.reset();

    const rest = takeEvents(reader, 399 - (batch?.length ?? 0));
    await expect(broker.head('topic', 'key')).rejects.toMatchObject({ code: 'BROKER_UNAVAILABLE' });
    await proxy.accept();

    expect([...(batch ?? []).map(({ event }) => event), ...(await rest)]).toEqual(texts.slice(1));
    expect(statuses).toContain('unavailable');
  });
});

describe('more than is asked for at once', () => {
  it('reaches every reader of many busy logs, in order and once', async () => {
    const broker = createBroker();
    const keys = numbers(300).map(String);
    const readers = await Promise.all(keys.map((key) => broker.read('topic', key, undefined)));
    const text = 'x'.repeat(20_000);

    // 16 MiB in one answer are 2 entries of this size for each log, and 8 are asked for at least
    await broker.publish('topic', '0', { n: -1, text });
    for (const key of ['0', '1', '299'])
      await createBroker().publishMany(
        'topic',
        key,
        numbers(100).map((n) => ({ n, text })),
      );

    for (const key of ['0', '1', '299']) {
      const reader = readers[Number(key)];
      const events = reader ? await takeEvents(reader, key === '0' ? 101 : 100) : [];
      expect(events.map((event) => (event as { n: number }).n)).toEqual(
        key === '0' ? numbers(101, -1) : numbers(100),
      );
    }
  });
});
