import { Broadcaster } from 'millrace/broker';
import type { ServerOptions } from 'millrace/server';
import { describe, expect, it, vi } from 'vitest';

import { serveGates } from '../support/sharing-gates.ts';
import { heard, heardBy, said, serveSharing, unsubscribe } from '../support/sharing-server.ts';
import type { Post } from '../support/sharing-server.ts';

const lost = { errors: [expect.objectContaining({ extensions: { code: 'EVENTS_LOST' } })] };

/** A server whose events come from a broadcaster. */
function serveBroadcaster(onError?: ServerOptions['onError']) {
  const broadcaster = new Broadcaster<Post>();
  const app = serveSharing({
    fields: () => ({ Subscription: { message: { subscribe: () => broadcaster.source() } } }),
    ...(onError && { options: { onError } }),
  });
  return { ...app, broadcaster };
}

describe('a source that', () => {
  it('has no broker is shared as well', async () => {
    const { broadcaster, subscribers, executions } = serveBroadcaster();
    const clients = await subscribers(3);

    broadcaster.publish({ text: 'one' });

    expect(await heardBy(clients)).toEqual(clients.map(() => [said('one')]));
    expect(executions()).toEqual([1, 0]);
  });

  it('completes ends all once, after the events before', async () => {
    const app = serveBroadcaster();
    const clients = await app.subscribers(3);
    app.broadcaster.publish({ text: 'one' });
    app.broadcaster.complete();

    expect(await heardBy(clients)).toEqual(clients.map(() => [said('one'), 'complete']));
    expect(app.broadcaster.subscriberCount).toBe(0);
    expect(await heardBy(await app.subscribers(1))).toEqual([['complete']]);
  });

  it('fails ends all once with the same masked error, after the events before', async () => {
    const onError = vi.fn();
    const app = serveBroadcaster(onError);
    const clients = await app.subscribers(3);
    app.broadcaster.publish({ text: 'one' });
    app.broadcaster.fail(new Error('upstream is gone'));

    const failed = {
      errors: [{ message: 'Internal server error', extensions: { code: 'SOURCE_FAILED' } }],
    };
    expect(await heardBy(clients)).toEqual(clients.map(() => [said('one'), failed]));
    expect(app.hidden).toEqual(['source: upstream is gone']);
    expect(onError).toHaveBeenCalledTimes(3);
    expect(app.broadcaster.subscriberCount).toBe(0);
    expect(app.server.sharing()).toMatchObject({ groups: 0, subscribers: 0 });
  });

  it('counts its subscribers counts each member of a group', async () => {
    const { broadcaster, subscribers, clock } = serveBroadcaster();
    const left = vi.fn();
    const clients = await subscribers(3);
    expect(broadcaster.subscriberCount).toBe(3);
    broadcaster.onUnsubscribe(left);

    // in an order in which the one who made the group is not the last
    for (const client of clients) {
      unsubscribe(client);
      await clock.settle();
    }

    expect(left.mock.calls).toEqual([[2], [1], [0]]);
    expect(broadcaster.subscriberCount).toBe(0);
  });

  it('tells when somebody leaves does not tell it when somebody joins', async () => {
    const { broadcaster, subscribers } = serveBroadcaster();
    const left = vi.fn();
    broadcaster.onUnsubscribe(left);

    await subscribers(3);

    expect(left).not.toHaveBeenCalled();
  });

  it('has a broker counts each member as a reader', async () => {
    const app = serveSharing();
    const clients = await app.subscribers(3);
    expect(app.broker.readerCount).toBe(3);
    expect(app.server.gauges().readers).toBe(3);

    unsubscribe(clients[0]);
    await app.clock.settle();
    expect(app.broker.readerCount).toBe(2);
    clients[1]?.vanish();
    clients[2]?.vanish();
    await app.clock.settle();

    expect(app.broker.readerCount).toBe(0);
  });
});

describe('a group that fell behind its log', () => {
  it('ends for all its members, who are told, also those who joined it meanwhile', async () => {
    const app = serveGates({ broker: { events: 2 } });
    const clients = await app.subscribers(2);
    const slow = app.gate('one');
    await app.publish('one');
    await app.clock.settle();
    for (const text of ['two', 'three', 'four']) await app.publish(text);
    const [fresh] = await app.subscribers(1);

    slow.open();

    expect(await heardBy(clients)).toEqual(clients.map(() => [said('one'), lost]));
    expect(fresh && (await heard(fresh))).toEqual([lost]);
    expect(app.hidden).toEqual([]);
    expect(app.server.gauges()).toMatchObject({ operations: 0, readers: 0 });
  });

  it('begins anew with whoever subscribes then', async () => {
    const app = serveGates({ broker: { events: 2 } });
    await app.subscribers(2);
    const slow = app.gate('one');
    for (const text of ['one', 'two', 'three', 'four']) {
      await app.publish(text);
      await app.clock.settle();
    }
    slow.open();
    const clients = await app.subscribers(2);

    await app.publish('five');

    expect(await heardBy(clients)).toEqual(clients.map(() => [said('five')]));
  });
});
