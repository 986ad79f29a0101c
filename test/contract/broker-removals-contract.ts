import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { EncodedLogOptions } from '../../src/broker/remote/options.ts';
import type { Broker } from '../../src/broker/types.ts';
import type { Position } from '../../src/vocabulary.ts';
import { readToFailure, takeEvents } from '../support/log-readers.ts';
import type { RemoteContractOptions } from './remote-broker-contract.ts';

/** One log of brokers that end with the test, from which another program may remove events. */
export interface RemovableLog {
  readonly topic: string;
  readonly key: string;
  createBroker(options: RemovalOptions): Broker;
  /** Leaves the last `count` events. */
  trim(count: number): Promise<unknown>;
  /** Takes all that is known of the log, whether there is anything or not. */
  forget(): Promise<unknown>;
}

/** What these tests may ask for. */
export type RemovalOptions = RemoteContractOptions & Pick<EncodedLogOptions, 'checkMs'>;

/** What differs from broker to broker. */
export interface RemovalsParts {
  /** A log that nobody else has. */
  readonly createLog: () => RemovableLog;
  /** How often the property is tried. */
  readonly runs: number;
}

/** What every broker must do that knows of removals by other programs only from what is left. */
export function brokerRemovalsContract({ createLog, runs }: RemovalsParts): void {
  describe('readers of one log', () => {
    it('are told when events that they have yet to read are removed', async () => {
      const log = createLog();
      const { topic, key } = log;
      const broker = log.createBroker({ retention: { bytes: 10_000 } });
      const texts = numbers(400).map((n) => `${n} ${'x'.repeat(5_000)}`);
      const positions = await broker.publishMany(topic, key, texts);
      const reader = await broker.read(topic, key, positions[0]);
      const batch = await reader.read();

      await log.trim(10);

      const { events, code } = await readToFailure(reader);
      expect(code).toBe('EVENTS_LOST');
      const seen = [...(batch ?? []).map(({ event }) => event), ...events];
      expect(seen).toEqual(texts.slice(1, 1 + seen.length));
      expect(seen.length).toBeLessThan(399);
      expect(broker.readerCount).toBe(0);
    });

    it('have an index that no reader of the lost log had, once it is lost', async () => {
      const log = createLog();
      const { topic, key } = log;
      const broker = log.createBroker({ checkMs: 20 });
      const reader = await broker.read(topic, key, undefined);
      await broker.publishMany(topic, key, numbers(3));
      expect(await takeEvents(reader, 3)).toEqual(numbers(3));
      const index = reader.nextIndex ?? Number.NaN;

      await log.forget();
      expect((await readToFailure(reader)).code).toBe('EVENTS_LOST');
      const head = await broker.head(topic, key);
      await broker.publishMany(topic, key, numbers(3));
      const next = await broker.read(topic, key, head);

      expect(next.complete).toBe(true);
      expect(next.nextIndex).toBeGreaterThan(index);
    });
  });

  it('never replays a part, whatever is published, removed and forgotten', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 5 }),
        fc.array(step, { maxLength: 30 }),
        async (events, steps) => {
          const seenLive = await takeSteps(createLog(), events, steps);

          expect(seenLive).toEqual(seenLive.toSorted((a, b) => Number(a) - Number(b)));
        },
      ),
      { numRuns: runs },
    );
  }, 60_000);
}

const numbers = (count: number, first = 0) => Array.from({ length: count }, (_, i) => first + i);

const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('publish' as const),
      count: fc.integer({ min: 1, max: 6 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('resume' as const), back: fc.nat(10) }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('read' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('trim' as const), to: fc.nat(4) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('forget' as const) }) },
);

type Step = typeof step extends fc.Arbitrary<infer OneStep> ? OneStep : never;

/** Does the steps to a log whose brokers keep `events`; who reads from a position has to get all or be told. Gives what a reader got that was there. */
async function takeSteps(
  log: RemovableLog,
  events: number,
  steps: readonly Step[],
): Promise<readonly unknown[]> {
  const { topic, key } = log;
  const [broker, other] = [
    log.createBroker({ retention: { events } }),
    log.createBroker({ retention: { events } }),
  ];
  const seen: { readonly position: Position; readonly count: number }[] = [];
  let live = await broker.read(topic, key, undefined);
  let [count, firstOfEpoch] = [0, 0];

  for (const action of steps) {
    if (action.kind === 'publish') {
      const positions = await other.publishMany(topic, key, numbers(action.count, count));
      seen.push(...positions.map((position, i) => ({ position, count: count + i + 1 })));
      count += action.count;
    } else if (action.kind === 'trim') await log.trim(action.to);
    else if (action.kind === 'forget') {
      await log.forget();
      firstOfEpoch = count;
      await live.close();
      live = await broker.read(topic, key, undefined);
    } else {
      const from = action.kind === 'read' ? undefined : seen.at(-1 - action.back);
      const expected = from?.count ?? count;
      const reader = await broker.read(topic, key, from?.position);
      if (reader.complete) expect(expected).toBeGreaterThanOrEqual(Math.min(firstOfEpoch, count));
      const wanted = reader.complete ? count - expected : 0;
      expect(await takeEvents(reader, wanted)).toEqual(numbers(wanted, expected));
      await reader.close();
    }
  }
  await broker.close();
  await other.close();
  const { events: seenLive } = await readToFailure(live);
  expect(broker.readerCount).toBe(0);
  return seenLive;
}
