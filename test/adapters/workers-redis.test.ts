import { spawn } from 'node:child_process';
import { once } from 'node:events';

import { createRedisBroker } from 'millrace/broker/redis';
import { createClient } from 'millrace/client';
import type { Client } from 'millrace/client';
import { resumable } from 'millrace/client/resume';
import { websocket } from 'millrace/client/websocket';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';

import { bundleExample } from '../support/bundle-example.ts';
import type { ExampleBundle } from '../support/bundle-example.ts';
import { shareRedis } from '../support/redis-server.ts';
import type { RedisShare } from '../support/redis-server.ts';
import {
  ask,
  eventually,
  processPatienceMs,
  SharedProgram,
  statsOf,
} from '../support/shared-processes.ts';
import type { ProcessStats, SharedServerOptions } from '../support/shared-server.ts';
import { consume } from '../support/watched-client.ts';
import type { Consumer } from '../support/watched-client.ts';

let bundle: ExampleBundle;
let redis: RedisShare;
beforeAll(async () => {
  bundle = await bundleExample(new URL('../support/shared-server.ts', import.meta.url).href);
  redis = await shareRedis();
}, 60_000);
afterAll(async () => {
  await bundle.remove();
  await redis.close();
});

const said = (text: string) => expect.objectContaining({ data: { message: text } });

/** Workers that share a Redis, once all of them listen. */
async function start(count: number, options: Partial<SharedServerOptions> = {}) {
  const place = { url: redis.url, prefix: `${redis.prefix}:${crypto.randomUUID()}` };
  const program = new SharedProgram(bundle, { redis: place, workers: { count }, ...options });
  const { url } = await program.listening();
  const broker = createRedisBroker(place);
  onTestFinished(() => broker.close());
  const topic = broker.topic<string>('messages');
  return { program, url, publish: (text: string) => topic.publish(text) };
}

interface Listener {
  readonly client: Client;
  readonly consumer: Consumer;
  readonly closeCodes: (number | undefined)[];
  /** The process that its socket is with. */
  readonly pid: number;
}

/** A client whose subscription waits for events. */
async function listenTo(url: string, name = 'ada'): Promise<Listener> {
  const closeCodes: (number | undefined)[] = [];
  const client = createClient({
    url,
    transport: websocket(),
    connectionParams: { name },
    resume: resumable(),
    retry: { minDelayMs: 20 },
    onDisconnected: ({ closeCode }) => closeCodes.push(closeCode),
  });
  onTestFinished(() => client.close());
  const operation = client.subscribe({ query: 'subscription { message }' });
  const consumer = consume(operation);
  await operation.ready;
  return { client, consumer, closeCodes, pid: await pidOf(client) };
}

/** A client of each of two workers. */
async function listenToBoth(url: string): Promise<readonly [Listener, Listener]> {
  const one = await listenTo(url);
  for (;;) {
    const other = await listenTo(url);
    if (other.pid !== one.pid) return [one, other];
    other.client.close();
  }
}

/** The next result, which may be a while on its way. */
async function nextOf(consumer: Consumer): Promise<unknown> {
  await eventually(() => consumer.rest.length > 0, 'a result');
  return consumer.next();
}

async function pidOf(client: Client): Promise<number> {
  const { data } = await client.query({ query: '{ stats }' });
  const { pid } = JSON.parse(String(data?.['stats'])) as ProcessStats; // of our program
  return pid;
}

describe('workers over one Redis', { timeout: processPatienceMs }, () => {
  it('listen on one port that the system chose, and say who they are', async () => {
    const { program, url } = await start(2);
    await eventually(() => program.lines.length === 3, 'a line of each process');

    const lines = program.lines.map((line) => ('role' in line ? line : undefined));
    const primary = lines.find((line) => line?.role === 'primary');
    expect(lines.map((line) => line?.url)).toEqual([url, url, url]);
    expect(new Set(primary?.workers)).toEqual(new Set(program.workerIds));
    expect(new Set([program.child.pid, ...program.workerIds]).size).toBe(3);
  });

  it('read each event once, and execute it once, however many clients each of them has', async () => {
    const { program, url, publish } = await start(2);
    const listeners = [...(await listenToBoth(url))];
    while (listeners.length < 8) listeners.push(await listenTo(url));

    for (const text of ['1', '2', '3']) await publish(text);
    for (const { consumer } of listeners) {
      for (const text of ['1', '2', '3']) expect(await nextOf(consumer)).toEqual(said(text));
    }

    const stats = await statsOf(url, program.workerIds);
    expect(stats.map(({ eventsRead, executions }) => [eventsRead, executions])).toEqual([
      [3, 3],
      [3, 3],
    ]);
    expect(stats.reduce((sum, { subscribers }) => sum + subscribers, 0)).toBe(8);
  });

  it('that are killed lose no event for clients that come back, and are replaced', async () => {
    const { program, url, publish } = await start(2);
    const { client, consumer, closeCodes, pid } = await listenTo(url);
    await publish('before');
    expect(await nextOf(consumer)).toEqual(said('before'));

    process.kill(pid, 'SIGKILL');
    for (const text of ['1', '2', '3']) await publish(text);
    for (const text of ['1', '2', '3']) expect(await nextOf(consumer)).toEqual(said(text));
    await eventually(() => program.workerIds.length === 3, 'a worker in its place');
    await publish('after');

    expect(await nextOf(consumer)).toEqual(said('after'));
    expect(consumer.rest).toEqual([]);
    expect(closeCodes).toEqual([1006]);
    expect(await pidOf(client)).not.toBe(pid);
    expect(program.complaints).toContain(`worker ${pid} ended (SIGKILL), another starts in`);
  });

  it('that get SIGTERM send their clients to the others, and are replaced', async () => {
    const { program, url, publish } = await start(2);
    const { client, consumer, closeCodes, pid } = await listenTo(url);

    process.kill(pid, 'SIGTERM');
    await eventually(() => closeCodes.length === 1, 'the end of the connection');
    await publish('meanwhile');

    expect(await nextOf(consumer)).toEqual(said('meanwhile'));
    expect(closeCodes).toEqual([1012]);
    expect(await pidOf(client)).not.toBe(pid);
    await eventually(() => program.workerIds.length === 3, 'a worker in its place');
    expect(program.complaints).toBe('');
  });

  it('end in order when their primary gets SIGTERM, and it with them', async () => {
    const { program, url } = await start(2);
    const listeners = await listenToBoth(url);

    program.child.kill('SIGTERM');
    for (const { closeCodes } of listeners)
      await eventually(() => closeCodes.length > 0, 'the end of the connections');

    expect(listeners.map(({ closeCodes }) => closeCodes[0])).toEqual([1012, 1012]);
    expect(await program.ended).toEqual([null, 'SIGTERM']);
    for (const pid of program.workerIds) expect(() => process.kill(pid, 0)).toThrow('ESRCH');
    expect(program.complaints).toBe('');
  });

  it('end as quietly when all processes of their group get SIGTERM at once', async () => {
    const { program, url } = await start(2);
    const { closeCodes } = await listenTo(url);

    for (const pid of [...program.workerIds, program.child.pid ?? 0]) process.kill(pid, 'SIGTERM');
    await eventually(() => closeCodes.length > 0, 'the end of the connection');

    expect(closeCodes[0]).toBe(1012);
    expect(await program.ended).toEqual([null, 'SIGTERM']);
    expect(program.complaints).toBe('');
    expect(program.workerIds).toHaveLength(2);
  });

  it('end each other’s sessions that are revoked', async () => {
    const { url } = await start(2);
    const [ada, other] = await listenToBoth(url);
    const bob = await listenTo(url, 'bob');

    await bob.client.mutate({ query: 'mutation { revoke(text: "ada") }' });
    for (const { closeCodes } of [ada, other])
      await eventually(() => closeCodes.length > 0, 'the end of a session');

    expect([ada.closeCodes[0], other.closeCodes[0]]).toEqual([4403, 4403]);
    expect(bob.closeCodes).toEqual([]);
  });

  it('that end again and again are given up: the others are drained, and the primary fails', async () => {
    const { program, url } = await start(2, { workers: { count: 2, restarts: 0 } });
    const [one, other] = await listenToBoth(url);

    process.kill(one.pid, 'SIGKILL');
    await eventually(() => other.closeCodes.length > 0, 'the end of the other worker');

    expect(other.closeCodes[0]).toBe(1012);
    expect(program.complaints).toContain('no other starts');
    expect((await program.ended)[0]).toBe(1);
  });
});

describe('the example with workers', { timeout: processPatienceMs }, () => {
  it('serves one port with several processes', async () => {
    const example = await bundleExample(
      new URL('../../examples/workers/server.mjs', import.meta.url).href,
    );
    onTestFinished(() => example.remove());
    const child = spawn(process.execPath, [example.file], {
      env: { ...process.env, PORT: '0', REDIS_URL: redis.url },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ended = once(child, 'exit');
    onTestFinished(async () => {
      child.kill('SIGKILL');
      await ended;
    });

    const [printed] = (await once(child.stdout, 'data')) as [Buffer];
    const [, url = '', ids = ''] = /^GraphQL at (\S+), served by processes (.*)\n$/.exec(
      printed.toString(),
    ) ?? ['', '', ''];

    const { pid } = await ask(url, '{ pid }');
    expect(ids.split(', ').map(Number)).toContain(pid);
    child.kill('SIGTERM');
    expect(await ended).toEqual([null, 'SIGTERM']);
  });
});
