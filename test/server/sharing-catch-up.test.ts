import { describe, expect, it } from 'vitest';

import type { Post } from '../support/sharing-server.ts';
import { serveLateness } from '../support/sharing-gates.ts';
import { Gate, heard, heardBy, leftoversOf, nothing, said } from '../support/sharing-server.ts';

const lost = { errors: [expect.objectContaining({ extensions: { code: 'EVENTS_LOST' } })] };

describe('a subscription that takes its time to start', () => {
  it('misses nothing of what was published since its source was made', async () => {
    const { opened, joinLate, publish, clock, executions } = serveLateness();
    const late = [await joinLate(), await joinLate()];
    await publish('one');
    await publish('two');
    await clock.settle();

    opened.open();
    await clock.settle();
    await publish('three');

    const all = [said('one'), said('two'), said('three')];
    expect(await heardBy(late)).toEqual([all, all]);
    // the group begins where the first of them does, and the second can join before it has read
    expect(executions()).toEqual([3, 0]);
  });

  it('catches up alone with a group that is ahead, then joins it', async () => {
    const { opened, joinLate, subscribers, publish, clock, executions, server } = serveLateness();
    const late = await joinLate();
    const [early] = await subscribers(1);
    await publish('one');
    await publish('two');
    await clock.settle();
    expect(server.sharing()).toMatchObject({ subscribers: 1 });

    opened.open();
    await clock.settle();
    expect(server.sharing()).toMatchObject({ groups: 1, subscribers: 2 });
    await publish('three');

    const all = [said('one'), said('two'), said('three')];
    expect(await heardBy([late, ...(early ? [early] : [])])).toEqual([all, all]);
    expect(executions()).toEqual([3, 0]);
  });

  it('loses and repeats nothing that is published while it catches up', async () => {
    const app = serveLateness();
    const { opened, joinLate, subscribers, publish, clock, executions, gate } = app;
    const late = await joinLate();
    const [early] = await subscribers(1);
    await publish('one');
    await publish('two');
    await clock.settle();

    const again = gate('one');
    opened.open();
    await clock.settle();
    await publish('three');
    await clock.settle();
    expect(await heard(late)).toEqual([]);
    again.open();
    await clock.settle();
    await publish('four');

    const all = ['one', 'two', 'three', 'four'].map(said);
    expect(await heard(late)).toEqual(all);
    expect(early && (await heard(early))).toEqual(all);
    expect(executions()).toEqual([4, 0]);
  });

  it('may leave while it catches up', async () => {
    const app = serveLateness();
    const { opened, joinLate, subscribers, publish, clock, gate, server } = app;
    const late = await joinLate();
    const [early] = await subscribers(1);
    await publish('one');
    await clock.settle();
    const again = gate('one');
    opened.open();
    await clock.settle();

    late.vanish();
    await clock.settle();
    expect(server.gauges()).toMatchObject({ operations: 1, readers: 1 });
    again.open();
    await publish('two');

    expect(early && (await heard(early))).toEqual([said('one'), said('two')]);
    early?.vanish();
    await clock.settle();
    expect(leftoversOf(app)).toEqual(nothing);
  });

  it('is refused if its first events have left the log, and nobody else is', async () => {
    const app = serveLateness((source) => source, { broker: { events: 2 } });
    const { opened, joinLate, subscribers, publish, clock } = app;
    const late = await joinLate();
    const [early] = await subscribers(1);
    for (const text of ['one', 'two', 'three']) {
      await publish(text);
      await clock.settle();
    }

    opened.open();

    expect(await heard(late)).toEqual([{ errors: [expect.anything()] }]);
    expect(early && (await heard(early))).toEqual(['one', 'two', 'three'].map(said));
  });
});

describe('a subscription that starts with a snapshot', () => {
  it('gets it alone, then what was published since its source was made', async () => {
    const rows = new Gate();
    const snapshot = async function* (): AsyncGenerator<Post> {
      yield { text: 'row 1' };
      await rows.promise;
      yield { text: 'row 2' };
    };
    const app = serveLateness((source) => source.startWith(snapshot));
    const { subscribers, publish, clock, executions, server } = app;
    const clients = await subscribers(2);
    await publish('one');
    expect(await heardBy(clients)).toEqual([[said('row 1')], [said('row 1')]]);
    expect(server.sharing()).toMatchObject({ groups: 0, subscribers: 0 });

    rows.open();
    await clock.settle();
    const [third] = await subscribers(1);
    await publish('two');

    expect(await heardBy(clients)).toEqual(
      clients.map(() => [said('row 2'), said('one'), said('two')]),
    );
    expect(third && (await heard(third))).toEqual([said('row 1'), said('row 2'), said('two')]);
    expect(server.sharing()).toMatchObject({ groups: 1, subscribers: 3 });
    expect(executions()).toEqual([2, 0]);
  });

  it('shares with those that have none', async () => {
    let isFirst = true;
    const app = serveLateness((source) => {
      if (!isFirst) return source;
      isFirst = false;
      return source.startWith(() => [{ text: 'row' }]);
    });
    const clients = await app.subscribers(2);

    await app.publish('one');

    expect(await heardBy(clients)).toEqual([[said('row'), said('one')], [said('one')]]);
    expect(app.server.sharing()).toMatchObject({ groups: 1, subscribers: 2 });
    expect(app.executions()).toEqual([1, 0]);
  });

  it('fails alone if the snapshot does', async () => {
    let isFirst = true;
    const app = serveLateness((source) => {
      if (!isFirst) return source;
      isFirst = false;
      return source.startWith(() => Promise.reject(new Error('no rows')));
    });
    const clients = await app.subscribers(2);

    await app.publish('one');

    expect(await heardBy(clients)).toEqual([
      [{ errors: [expect.objectContaining({ extensions: { code: 'SOURCE_FAILED' } })] }],
      [said('one')],
    ]);
    expect(app.hidden).toEqual(['source: no rows']);
    expect(app.server.gauges()).toMatchObject({ operations: 1, readers: 1 });
  });

  it('is told of events that left the log while it was read, and nobody else is', async () => {
    const rows = new Gate();
    let isFirst = true;
    const app = serveLateness(
      (source) => {
        if (!isFirst) return source;
        isFirst = false;
        return source.startWith(async () => {
          await rows.promise;
          return [{ text: 'row' }];
        });
      },
      { broker: { events: 2 } },
    );
    const [slow, other] = await app.subscribers(2);
    for (const text of ['one', 'two', 'three']) {
      await app.publish(text);
      await app.clock.settle();
    }

    rows.open();

    expect(slow && (await heard(slow))).toEqual([said('row'), lost]);
    expect(other && (await heard(other))).toEqual(['one', 'two', 'three'].map(said));
  });
});
