import { describe, expect, it } from 'vitest';

import { stage, watch } from '../../support/coming-back.ts';

describe.each([
  ['in a group', 'tick'],
  ['alone', 'mine'],
])('a live subscription whose log loses events, %s,', (_where, field) => {
  const query = `subscription { ${field} }`;

  it('goes on behind the gap that it is told of', async () => {
    const gaps: unknown[] = [];
    const { clock, connect, publish, publishAtOnce, broker } = stage({}, { events: 3 });
    const first = watch(connect({ onGap: ({ reason }) => gaps.push(reason) }), query, field);
    const second = watch(connect(), query, field);
    await clock.settle();
    await publish(1);
    await publishAtOnce(2, 3, 4, 5, 6);
    await publish(7);

    expect([first.heard, second.heard]).toEqual([
      [1, 7],
      [1, 7],
    ]);
    expect(first.states.slice(-2)).toEqual(['live', 'gap']);
    expect(gaps).toEqual(['RESUME_GAP']);
    expect(broker.readerCount).toBe(2);
  });

  it('is told again when it happens again, and comes back behind the last gap', async () => {
    const here = stage({}, { events: 3 });
    const gaps: unknown[] = [];
    const client = here.connect({ onGap: () => gaps.push(watched.heard.at(-1)) });
    const watched = watch(client, query, field);
    await here.clock.settle();

    await here.publishAtOnce(1, 2, 3, 4, 5);
    await here.publish(6);
    await here.publishAtOnce(7, 8, 9, 10, 11);
    client.reconnect();
    await here.clock.advance(5_000);
    await here.publish(12);

    expect(watched.heard).toEqual([6, 12]);
    expect(gaps).toEqual([undefined, 6]);
    expect(watched.states.at(-1)).toBe('recovered');
  });

  it('ends with an error if it would rather have none than some', async () => {
    const { clock, connect, publishAtOnce, server, broker } = stage({}, { events: 3 });
    const watched = watch(connect({ onGap: 'fail' }), query, field);
    await clock.settle();

    await publishAtOnce(1, 2, 3, 4, 5);

    expect(watched.heard).toEqual(['RESUME_GAP']);
    expect([server.gauges().readers, broker.readerCount]).toEqual([0, 0]);
  });

  it('ends with an error if its client did not opt in, and the others go on', async () => {
    const { clock, connect, publish, publishAtOnce, broker } = stage({}, { events: 3 });
    const plain = watch(connect(false), query, field);
    const opted = watch(connect(), query, field);
    await clock.settle();

    await publishAtOnce(1, 2, 3, 4, 5);
    await publish(6);

    expect(plain.heard).toEqual(['EVENTS_LOST']);
    expect(opted.heard).toEqual([6]);
    expect(broker.readerCount).toBe(1);
  });
});
