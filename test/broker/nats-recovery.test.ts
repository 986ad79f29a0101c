import { connect } from '@nats-io/transport-node';
import type { NatsConnection } from '@nats-io/transport-node';
import { createNatsBroker } from 'millrace/broker/nats';
import type { NatsBroker, NatsBrokerOptions } from 'millrace/broker/nats';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import type { LogReader } from '../../src/broker/types.ts';
import type { Position } from '../../src/vocabulary.ts';
import { takeEvents } from '../support/log-readers.ts';
import { NatsServer } from '../support/nats-server.ts';

let server: NatsServer;
let connection: NatsConnection;
const open: (() => Promise<void>)[] = [];

const numbers = (count: number, first = 0) => Array.from({ length: count }, (_, i) => first + i);

beforeAll(async () => {
  server = await NatsServer.start();
  connection = await connect({ servers: server.url });
});
afterAll(async () => {
  await connection.close();
  await server.close();
});
afterEach(async () => {
  for (const close of open.splice(0).toReversed()) await close();
});

/** Each test has a stream of its own. */
function createBrokers(): (options?: NatsBrokerOptions) => NatsBroker {
  const prefix = crypto.randomUUID().slice(-12);
  return (options = {}) => {
    const broker = createNatsBroker({ servers: server.url, prefix, timeoutMs: 10_000, ...options });
    open.push(() => broker.close());
    return broker;
  };
}

/** What NATS is asked while `opening` runs: how often each kind of question. */
async function countRequests(opening: () => Promise<readonly LogReader[]>) {
  const requests: Record<string, number> = {};
  const questions = connection.subscribe('$JS.API.>', {
    callback: (_, { subject }) => {
      const kind = subject
        .split('.')
        .slice(2, 5)
        .filter((part) => /^[A-Z]+$/.test(part))
        .join(' ');
      requests[kind] = (requests[kind] ?? 0) + 1;
    },
  });
  await connection.flush();
  const readers = await opening();
  await connection.flush();
  questions.unsubscribe();
  return { readers, requests };
}

const openAll = (broker: NatsBroker, key: string, positions: readonly Position[]) =>
  Promise.all(positions.map((position) => broker.read('topic', key, position)));

describe('readers that open at once', () => {
  it('cost two looks where they begin at the head', async () => {
    const createBroker = createBrokers();
    const broker = createBroker();
    await broker.publish('topic', 'key', 1);
    await broker.read('topic', 'key', undefined);

    const { requests } = await countRequests(() =>
      Promise.all(numbers(5_000).map(() => broker.read('topic', 'key', undefined))),
    );

    expect(requests).toEqual({ 'STREAM MSG GET': 4, 'STREAM INFO': 2 });
  });

  it('cost two looks and two pages of history on a log that is new to the process', async () => {
    const createBroker = createBrokers();
    const positions = await createBroker().publishMany('topic', 'key', numbers(1_000));
    const broker = createBroker();
    await broker.read('topic', 'other', undefined);

    const { requests, readers } = await countRequests(() =>
      openAll(broker, 'key', [...positions, ...positions, ...positions]),
    );

    // each page has a consumer, and is followed by a question whether all of it is still there
    expect(requests).toMatchObject({ 'CONSUMER CREATE': 2, 'STREAM MSG GET': 6, 'STREAM INFO': 4 });
    expect(readers.every(({ complete }) => complete)).toBe(true);
    for (const [i, reader] of readers.slice(0, 1_000).entries())
      expect(await takeEvents(reader, 999 - i)).toEqual(numbers(999 - i, i + 1));
  });

  it('cost two looks on a log that the process has been reading', async () => {
    const createBroker = createBrokers();
    const broker = createBroker();
    await broker.publish('topic', 'key', -1);
    await broker.read('topic', 'key', undefined);
    const positions = await broker.publishMany('topic', 'key', numbers(1_000));
    await takeEvents(await broker.read('topic', 'key', positions[0]), 999);

    const { requests } = await countRequests(() =>
      openAll(broker, 'key', [...positions, ...positions]),
    );

    expect(requests).toEqual({ 'STREAM MSG GET': 4, 'STREAM INFO': 2 });
  });

  it('share what is asked about the stream, whichever logs they read', async () => {
    const createBroker = createBrokers();
    const broker = createBroker();
    const keys = numbers(500).map(String);
    await Promise.all(keys.map((key) => broker.publish('topic', key, key)));
    await broker.read('topic', 'other', undefined);

    const { requests } = await countRequests(() =>
      Promise.all(keys.map((key) => broker.read('topic', key, undefined))),
    );

    expect(requests['STREAM MSG GET']).toBe(1_000);
    expect(requests['STREAM INFO']).toBeLessThan(50);
  });
});
