import { SourceError } from 'millrace';
import { createMemoryBroker } from 'millrace/broker/memory';
import { describe, expect, it } from 'vitest';

import { away, stage, watch } from '../../support/coming-back.ts';

const seen = 'subscription { seen }';

function numbers(from: number, to: number): readonly number[] {
  return Array.from({ length: to - from + 1 }, (_, i) => from + i);
}

describe('a replay', () => {
  it('executes nothing again that was executed for others', async () => {
    const here = stage();
    const watched = numbers(1, 20).map(() => watch(here.connect(), seen, 'seen'));
    await here.clock.settle();
    await here.publish(1, 2, 3);
    for (const connection of here.network.connections.slice(0, 10)) connection.drop();
    await here.publish(4, 5);
    await here.clock.advance(5_000);

    expect(watched.map(({ heard }) => heard)).toEqual(watched.map(() => [1, 2, 3, 4, 5]));
    expect(here.executions()).toBe(5);
  });

  it('executes once for all what happened while everybody was away', async () => {
    const here = stage();
    const watched = numbers(1, 20).map(() => watch(here.connect(), seen, 'seen'));
    await here.clock.settle();
    await here.publish(1);

    await away(here, () => here.publish(2, 3));

    expect(watched.map(({ heard }) => heard)).toEqual(watched.map(() => [1, 2, 3]));
    expect(watched.map(({ states }) => states.at(-1))).toEqual(watched.map(() => 'recovered'));
    expect(here.executions()).toBe(3);
  });

  it('executes again what nothing is remembered of', async () => {
    const here = stage({ resume: { resultBytes: 0 } });
    const watched = [watch(here.connect(), seen, 'seen'), watch(here.connect(), seen, 'seen')];
    await here.clock.settle();

    await away(here, () => here.publish(1));

    expect(watched.map(({ heard }) => heard)).toEqual([[1], [1]]);
    expect(here.executions()).toBe(2);
  });

  it.each([-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY])(
    'cannot be remembered within %s bytes',
    (resultBytes) => {
      expect(() => stage({ resume: { resultBytes } })).toThrow(/resume\.resultBytes/);
    },
  );

  it('leaves turns of the event loop to live events', async () => {
    const here = stage();
    const client = here.connect();
    const returning = numbers(1, 40).map(() => watch(client, seen, 'seen'));
    await here.clock.settle();
    here.network.goOffline();
    for (const connection of here.network.connections) connection.drop();
    await here.clock.settle();
    await here.publish(...numbers(1, 900));
    here.network.goOnline();
    const staying = watch(here.connect(false), 'subscription { mine }', 'mine');
    await here.clock.settle();
    while (returning.every(({ heard }) => heard.length === 0)) await here.clock.advance(10);
    await here.broker.topic('ticks').publish(901, { key: 'r' });
    await here.clock.turn();

    expect(staying.heard).toEqual([901]);
    expect(returning.every(({ heard }) => heard.length < 900)).toBe(true);
    for (let turns = 0; turns < 200; turns += 1) await here.clock.turn();
    expect(returning.map(({ heard }) => heard)).toEqual(returning.map(() => numbers(1, 901)));
  });
});

describe('a client that can come back', () => {
  it('is told now and then where it stands, though nothing is for it', async () => {
    const here = stage({}, { events: 100 });
    const watched = watch(here.connect(), 'subscription { even }', 'even');
    await here.clock.settle();
    await here.publish(2);

    await here.publish(...numbers(1, 150).map((n) => 2 * n + 1));
    await away(here, () => here.publish(304));

    expect(watched.heard).toEqual([2, 304]);
    expect(watched.states.at(-1)).toBe('recovered');
  });

  it('waits for a broker that is away, while others are told', async () => {
    const broker = createMemoryBroker();
    const read = broker.read.bind(broker);
    let isAway = true;
    broker.read = (...log) =>
      isAway
        ? Promise.reject(new SourceError('BROKER_UNAVAILABLE', 'the broker is away'))
        : read(...log);
    const here = stage({ onInternalError: () => {} }, {}, broker);
    const waiting = watch(here.connect(), 'subscription { tick }', 'tick');
    const told = watch(here.connect(false), 'subscription { tick }', 'tick');
    await here.clock.advance(3_000);
    isAway = false;
    await here.clock.advance(1_000);
    await here.publish(1);

    expect(waiting.heard).toEqual([1]);
    expect(told.heard).toEqual(['BROKER_UNAVAILABLE']);
  });
});
