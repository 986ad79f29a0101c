import type { BufferOptions, OperationHandle, OperationResult } from 'millrace/client';
import { describe, expect, it } from 'vitest';

import { eachCarrier } from '../support/fault-carriers.ts';
import type { FaultCarrier } from '../support/fault-carriers.ts';
import { nothing, raiseFaultStage } from '../support/fault-stage.ts';
import type { FaultStage, Subscriber } from '../support/fault-stage.ts';
import { until } from '../support/waiting.ts';

const patience = { pingAfterMs: 10_000, silenceMs: 10_000 };
const padding = 'x'.repeat(200_000);

/** Texts of the events that came and were not taken, without what makes them large; takes them. */
async function takeTexts({ consumer }: Subscriber): Promise<readonly string[]> {
  const texts: string[] = [];
  while (consumer.rest.length > 0) {
    texts.push(String(textOf(await consumer.next())).replace(padding, ''));
  }
  return texts;
}

/** Publishes until the server gives up whoever does not read. */
async function floodUntilDisconnected(stage: FaultStage): Promise<readonly string[]> {
  const texts: string[] = [];
  await until(() => {
    const text = stage.nextText();
    texts.push(text);
    void stage.server.publish('a', text + padding); // to a broker in memory: never rejects
    return stage.server.slowConsumers > 0;
  }, 'the end of a connection that is not read');
  return texts;
}

async function liveStage(carrier: FaultCarrier) {
  const stage = await raiseFaultStage(carrier, {
    patience,
    server: { limits: { outboxHighWaterBytes: 65_536 } },
  });
  const subscriber = stage.subscribe('a');
  await stage.live(subscriber);
  return { stage, subscriber };
}

describe.each(eachCarrier)('a link that is slow: %s', (_, carrier) => {
  it('costs the connection, and is live again once it is not', async () => {
    const { stage, subscriber } = await liveStage(carrier);
    const connection = stage.resultsConnection;

    connection.stall('to-client');
    const published = await floodUntilDisconnected(stage);
    connection.release('to-client');
    await stage.lost(1);
    const received = await takeTexts(subscriber);
    await stage.live(subscriber);

    expect(received).toEqual(published.slice(0, received.length));
    expect(stage.losses).toMatchObject([
      { failure: { retryable: true, ...(carrier.kind === 'socket' && { closeCode: 1013 }) } },
    ]);
    expect(stage.server.slowConsumers).toBe(1);
    expect(await stage.leave()).toEqual(nothing);
  });

  it('and never recovers: another one is found without it', async () => {
    const { stage, subscriber } = await liveStage(carrier);
    const connection = stage.resultsConnection;

    connection.stall('to-client');
    await floodUntilDisconnected(stage);
    await stage.server.operations(0);
    await stage.loseWithin(30_000, 1);
    await takeTexts(subscriber);
    await stage.live(subscriber);

    expect(stage.losses).toHaveLength(1);
    connection.reset();
    expect(await stage.leave()).toEqual(nothing);
  });
});

/** Subscribes, reads one result, and no more until 20 further ones have come. */
async function readLate(stage: FaultStage, buffer: BufferOptions) {
  const handle = stage.client.subscribe({
    query: 'subscription { message(room: "a") { text } }',
    buffer,
  });
  const results = handle[Symbol.asyncIterator]();
  const first = results.next();
  await handle.ready;
  await stage.server.operations(1);
  for (let events = 0; events <= 20; events += 1) {
    await stage.server.publish('a', stage.nextText());
    await until(() => hasCome(stage, handle, events + 1), 'an event that nobody reads');
  }
  await first;
  return { handle, results };
}

function hasCome(
  { ledger }: FaultStage,
  { status }: OperationHandle<OperationResult>,
  events: number,
): boolean {
  return status.current === 'ended' || ledger.runs[0]?.results.length === events;
}

function textOf(value: unknown): unknown {
  const { data } = value as OperationResult<{ readonly message: { readonly text: string } }>; // that is what was asked for
  return data?.message.text;
}

describe.each(eachCarrier)('a consumer that is slow: %s', (_, carrier) => {
  it('fails once when its buffer is full, after what waits, and the server is told', async () => {
    const stage = await raiseFaultStage(carrier);

    const { results } = await readLate(stage, { capacity: 5 });
    await stage.server.operations(0);

    for (const number of [2, 3, 4, 5, 6]) {
      expect(textOf((await results.next()).value)).toBe(`event ${number}`);
    }
    await expect(results.next()).rejects.toMatchObject({ code: 'BUFFER_OVERFLOW' });
    expect(await results.next()).toEqual({ done: true, value: undefined });
    await stage.live(stage.subscribe('b'));
    expect(await stage.leave()).toEqual(nothing);
  });

  it.each([
    ['drop-oldest', ['event 17', 'event 18', 'event 19', 'event 20', 'event 21']],
    ['latest', ['event 21']],
  ] as const)('stays live and misses events with %s', async (whenFull, texts) => {
    const stage = await raiseFaultStage(carrier);

    const { handle, results } = await readLate(stage, { capacity: 5, whenFull });

    for (const text of texts) expect(textOf((await results.next()).value)).toBe(text);
    expect(handle.status.current).toBe('live');
    expect(stage.losses).toEqual([]);
    await results.return?.();
    await stage.server.operations(0);
    expect(await stage.leave()).toEqual(nothing);
  });
});
