import { describe, expect, it } from 'vitest';

import type { RemoteRetention } from '../../src/broker/remote/retention.ts';
import type { Broker, LogReader } from '../../src/broker/types.ts';
import { readToFailure, takeEvents } from '../support/log-readers.ts';

/** What tests of all brokers whose logs are stored elsewhere may ask for. */
export interface RemoteContractOptions {
  readonly retention?: RemoteRetention;
}

/** What differs from broker to broker; its brokers end with the test. */
export interface RemoteContractParts {
  /** The name of what stores the logs. */
  readonly storage: string;
  /** Makes a broker over the logs of the test that runs, which nobody else has. */
  readonly createBroker: (options?: RemoteContractOptions) => Broker;
  /** What keeps the logs of brokers apart. */
  readonly places: string;
  /** Makes a broker over other logs. */
  readonly createStranger: () => Broker | Promise<Broker>;
}

/** What every broker must do whose logs are stored elsewhere, for several processes. */
export function remoteBrokerContract(parts: RemoteContractParts): void {
  describeEvents(parts);
  describeTwoBrokers(parts);
  describeReaders(parts);
  describeReadersOfMuch(parts);
}

const numbers = (count: number, first = 0) => Array.from({ length: count }, (_, i) => first + i);

function describeEvents({ createBroker }: RemoteContractParts): void {
  describe('events', () => {
    it.each([
      ['a function', () => 1],
      ['undefined', undefined],
      ['a bigint', 1n],
    ])('that are %s cannot be published', async (_, event) => {
      const broker = createBroker();
      const heads = () => Promise.all(['key', 'other'].map((key) => broker.head('topic', key)));
      const before = await heads();
      const notSerializable = { name: 'SourceError', code: 'EVENT_NOT_SERIALIZABLE' };

      await expect(broker.publish('topic', 'key', event)).rejects.toMatchObject(notSerializable);
      await expect(broker.publishMany('topic', 'other', [1, event])).rejects.toMatchObject(
        notSerializable,
      );
      expect(await heads()).toEqual(before);
    });

    it('are decoded once for all readers of a process', async () => {
      const broker = createBroker();
      const readers = await Promise.all(
        numbers(3).map(() => broker.read('topic', 'key', undefined)),
      );

      await broker.publish('topic', 'key', { a: 1 });

      const [first, ...others] = await Promise.all(readers.map((reader) => takeEvents(reader, 1)));
      for (const other of others) expect(other[0]).toBe(first?.[0]);
    });
  });
}

function describeTwoBrokers({ createBroker, places, createStranger }: RemoteContractParts): void {
  describe('two brokers', () => {
    it('are one, as two processes would be', async () => {
      const [one, two] = [createBroker(), createBroker()];
      const readers = await Promise.all(
        [one, two].map((broker) => broker.read('topic', 'key', undefined)),
      );

      const first = await one.publish('topic', 'key', 1, { idempotencyId: 'a' });
      const again = await two.publish('topic', 'key', 1, { idempotencyId: 'a' });
      await two.publish('topic', 'key', 2);

      expect(again).toEqual(first);
      for (const reader of readers) expect(await takeEvents(reader, 2)).toEqual([1, 2]);
      const resumed = await two.read('topic', 'key', first);
      expect(await takeEvents(resumed, 1)).toEqual([2]);
    });

    it(`with different ${places} have nothing in common`, async () => {
      const [one, two] = [createBroker(), await createStranger()];
      const reader = await one.read('topic', 'key', undefined);

      await two.publish('topic', 'key', 2);
      await one.publish('topic', 'key', 1);

      expect(await takeEvents(reader, 1)).toEqual([1]);
    });

    it('may begin at the same moment', async () => {
      const all = numbers(8).map(() => createBroker());

      const positions = await Promise.all(all.map((broker) => broker.publish('topic', 'key', 1)));

      expect(new Set(positions.map(({ epoch }) => epoch)).size).toBe(1);
      expect(new Set(positions.map(({ offset }) => offset)).size).toBe(8);
    });

    it('each give all events in the same order, whoever published them', async () => {
      const [one, two] = [createBroker(), createBroker()];
      const readers = await Promise.all(
        [one, two, one].map((broker) => broker.read('topic', 'key', undefined)),
      );

      await Promise.all(
        numbers(200).map((n) => (n % 2 === 0 ? one : two).publish('topic', 'key', n)),
      );

      const [first, ...others] = await Promise.all(
        readers.map((reader) => takeEvents(reader, 200)),
      );
      expect(first?.toSorted((a, b) => Number(a) - Number(b))).toEqual(numbers(200));
      for (const other of others) expect(other).toEqual(first);
    });
  });
}

function describeReaders({ createBroker }: RemoteContractParts): void {
  describe('readers of one log', () => {
    it('that start at different places count the same', async () => {
      const broker = createBroker();
      const positions = await broker.publishMany('topic', 'key', numbers(10));
      const live = await broker.read('topic', 'key', undefined);
      const seventh = await broker.read('topic', 'key', positions[6]);
      const third = await broker.read('topic', 'key', positions[2]);

      const start = live.nextIndex ?? Number.NaN;
      expect([seventh, third].map(({ nextIndex = Number.NaN }) => nextIndex - start)).toEqual([
        -3, -7,
      ]);
      expect(await takeEvents(third, 7)).toEqual(numbers(7, 3));
      expect(await takeEvents(seventh, 3)).toEqual(numbers(3, 7));
      await broker.publish('topic', 'key', 10);
      for (const reader of [live, seventh, third]) {
        expect(await takeEvents(reader, 1)).toEqual([10]);
        expect(reader.nextIndex).toBe(start + 1);
      }
    });

    it('go on while one that starts earlier makes the tail longer', async () => {
      const broker = createBroker();
      const positions = await broker.publishMany('topic', 'key', numbers(5));
      const live = await broker.read('topic', 'key', undefined);
      const pending = live.read();

      const early = await broker.read('topic', 'key', positions[0]);
      await broker.publish('topic', 'key', 5);

      expect((await pending)?.map(({ event }) => event)).toEqual([5]);
      expect(await takeEvents(early, 5)).toEqual(numbers(5, 1));
    });

    it('may become one, with consumers who leave one by one', async () => {
      const broker = createBroker();
      const one = await broker.read('topic', 'key', undefined);
      const two = await broker.read('topic', 'key', undefined);

      one.adopt?.(two);
      expect(broker.readerCount).toBe(2);
      one.removeConsumer?.();
      expect(broker.readerCount).toBe(1);
      await two.close();
      await broker.publish('topic', 'key', 1);

      expect(await takeEvents(one, 1)).toEqual([1]);
      await one.close();
      expect(broker.readerCount).toBe(0);
    });

    it('may come back by the hundreds, and what they missed is read once', async () => {
      const broker = createBroker();
      const positions = await broker.publishMany('topic', 'key', numbers(100));

      const readers = await Promise.all(
        numbers(300).map((i) => broker.read('topic', 'key', positions[i % 100])),
      );

      const events = await Promise.all(
        readers.map((reader, i) => takeEvents(reader, i % 100 === 99 ? 0 : 99 - (i % 100))),
      );
      expect(events).toEqual(readers.map((_, i) => numbers(99 - (i % 100), (i % 100) + 1)));
    });

    it('are refused more than is replayed at most', async () => {
      const writer = createBroker({ retention: { events: 500 } });
      const positions = await writer.publishMany('topic', 'key', numbers(300));
      const broker = createBroker({ retention: { events: 100, bytes: 10_000 } });

      const [early, late] = [
        await broker.read('topic', 'key', positions[198]),
        await broker.read('topic', 'key', positions[199]),
      ];

      expect([early.complete, late.complete]).toEqual([false, true]);
      expect(await takeEvents(late, 100)).toEqual(numbers(100, 200));
    });
  });
}

/** Different texts of about 1,000 bytes. */
const createTexts = (count: number) => numbers(count).map((n) => `${n} ${'x'.repeat(1_000)}`);

function describeReadersOfMuch({ storage, createBroker }: RemoteContractParts): void {
  describe('readers of one log', () => {
    it(`get all that ${storage} has, also where a process holds less of it`, async () => {
      const broker = createBroker({ retention: { bytes: 10_000 } });
      const texts = createTexts(200);
      const positions = await broker.publishMany('topic', 'key', texts);
      const places = [0, 57, 120, 121, 190, 199];

      const readers = await Promise.all(
        places.map((place) => broker.read('topic', 'key', positions[place])),
      );
      await broker.publish('topic', 'key', 'live');

      const last = readers.at(-1)?.nextIndex ?? Number.NaN;
      for (const [i, reader] of readers.entries()) {
        const place = places[i] ?? Number.NaN;
        expect(reader.complete).toBe(true);
        expect(reader.nextIndex).toBe(last - 199 + place);
        const expected = [...texts.slice(place + 1), 'live'];
        expect(await takeEvents(reader, expected.length)).toEqual(expected);
        expect(reader.nextIndex).toBe(last + 1);
      }
    });

    it(`that fall behind what a process holds go on as long as ${storage} has it`, async () => {
      const broker = createBroker({ retention: { bytes: 10_000 } });
      const slow = await broker.read('topic', 'key', undefined);
      const quick = await broker.read('topic', 'key', undefined);
      const texts = createTexts(50);
      await broker.publishMany('topic', 'key', texts);
      expect(await takeEvents(quick, 50)).toEqual(texts);

      expect(await takeEvents(slow, 50)).toEqual(texts);
      await broker.publish('topic', 'key', 'live');
      expect(await takeEvents(slow, 1)).toEqual(['live']);

      await quick.close();
      expect(slow.nextIndex).toBe(quick.nextIndex === undefined ? -1 : quick.nextIndex + 1);
    });

    it('end with what they were reading when they or their broker are closed', async () => {
      const broker = createBroker({ retention: { bytes: 10_000 } });
      const [first] = await broker.publishMany('topic', 'key', createTexts(300));
      const [one, two] = await Promise.all([1, 2].map(() => broker.read('topic', 'key', first)));

      const pending = one?.read();
      await one?.close();
      expect(await pending).toBeUndefined();
      expect(broker.readerCount).toBe(1);
      await broker.close();

      expect((await readToFailure(two as LogReader)).code).toBeUndefined(); // there are two
      expect(broker.readerCount).toBe(0);
    });
  });
}
