import { createNatsBroker } from 'millrace/broker/nats';
import { createPostgresBroker } from 'millrace/broker/postgres';
import { createRedisBroker } from 'millrace/broker/redis';
import type { RedisBroker, RedisStatus } from 'millrace/broker/redis';
import { describe, expect, it } from 'vitest';

interface Watching {
  readonly onStatus: (status: RedisStatus) => void;
}

/** Nobody listens there. */
const nowhere = '127.0.0.1:1';

describe.each([
  ['redis', (watching: Watching) => createRedisBroker({ url: `redis://${nowhere}`, ...watching })],
  ['nats', (watching: Watching) => createNatsBroker({ servers: `nats://${nowhere}`, ...watching })],
  [
    'postgres',
    (watching: Watching) => createPostgresBroker({ url: `postgres://${nowhere}/db`, ...watching }),
  ],
] as const)('whoever hears that the %s broker is closed', (_, create) => {
  /** Closes a broker; gives what came of what `act` did when it heard of that. */
  async function closing(act: (broker: RedisBroker) => Promise<unknown>) {
    const outcomes: Promise<unknown>[] = [];
    const broker: RedisBroker = create({
      onStatus: ({ kind }) => {
        if (kind === 'closed') outcomes.push(act(broker).catch((error: unknown) => error));
      },
    });
    await broker.close();
    return { broker, outcomes: await Promise.all(outcomes) };
  }

  it('cannot publish any more', async () => {
    const { outcomes } = await closing((broker) => broker.publish('topic', '', 1));

    expect(outcomes).toMatchObject([{ code: 'BROKER_CLOSED' }]);
  });

  it('may close it, too', async () => {
    const { broker, outcomes } = await closing((each) => each.close());

    expect(outcomes).toEqual([undefined]);
    expect(broker.status).toEqual({ kind: 'closed' });
  });
});
