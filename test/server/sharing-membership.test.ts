import { describe, expect, it } from 'vitest';

import { subscribe } from '../support/conversation.ts';
import { serveGates } from '../support/sharing-gates.ts';
import {
  heard,
  heardBy,
  leftoversOf,
  nothing,
  said,
  serveSharing,
  textQuery,
  unsubscribe,
} from '../support/sharing-server.ts';

describe('while an event is being executed', () => {
  it('whoever joins gets what follows it, and whoever was there gets it', async () => {
    const { gate, publish, subscribers, executions } = serveGates();
    const [first] = await subscribers(1);
    const slow = gate('one');
    await publish('one');
    const [second] = await subscribers(1);
    await publish('two');

    slow.open();

    expect(first && (await heard(first))).toEqual([said('one'), said('two')]);
    expect(second && (await heard(second))).toEqual([said('two')]);
    expect(executions()).toEqual([2, 0]);
  });

  it('whoever leaves gets nothing more, and those who stay do', async () => {
    const { gate, publish, subscribers, executions, clock } = serveGates();
    const [stays, stops, vanishes] = await subscribers(3);
    const slow = gate('one');
    await publish('one');
    await publish('two');
    await clock.settle();

    unsubscribe(stops);
    vanishes?.vanish();
    await clock.settle();
    slow.open();

    expect(stays && (await heard(stays))).toEqual([said('one'), said('two')]);
    expect(stops && (await heard(stops))).toEqual([]);
    expect(vanishes && (await heard(vanishes))).toEqual([]);
    expect(executions()).toEqual([2, 0]);
  });

  it('the last may leave and another join: it begins with what follows', async () => {
    const server = serveGates();
    const { gate, publish, subscribers, executions, clock } = server;
    const [first] = await subscribers(1);
    const slow = gate('one');
    await publish('one');
    await clock.settle();

    unsubscribe(first);
    const [second] = await subscribers(1);
    expect(server.server.sharing()).toMatchObject({ groups: 1, subscribers: 1 });
    await publish('two');
    expect(second && (await heard(second))).toEqual([said('two')]);
    slow.open();

    expect(first && (await heard(first))).toEqual([]);
    expect(second && (await heard(second))).toEqual([]);
    expect(executions()).toEqual([2, 0]);
    first?.vanish();
    second?.vanish();
    await clock.settle();
    expect(leftoversOf(server)).toEqual(nothing);
  });

  it('the same client may subscribe anew, also with the same id', async () => {
    const { gate, publish, subscribers, executions, clock } = serveGates();
    const [client] = await subscribers(1);
    const slow = gate('one');
    await publish('one');
    await clock.settle();

    unsubscribe(client);
    if (client) subscribe(client, '1', textQuery);
    await clock.settle();
    await publish('two');
    await clock.settle();
    slow.open();

    expect(client && (await heard(client))).toEqual([said('two')]);
    expect(executions()).toEqual([2, 0]);
  });

  it('the source may end: all hear of it once, after the event', async () => {
    const server = serveGates();
    const { gate, publish, subscribers, broker, clock } = server;
    const clients = await subscribers(3);
    const slow = gate('one');
    await publish('one');
    await publish('two');
    await broker.close();
    await clock.settle();
    expect(await heardBy(clients)).toEqual([[], [], []]);

    slow.open();

    expect(await heardBy(clients)).toEqual(
      clients.map(() => [said('one'), said('two'), 'complete']),
    );
    for (const client of clients) client.vanish();
    await clock.settle();
    expect(leftoversOf(server)).toEqual(nothing);
  });
});

describe('while an event is delivered', () => {
  it('one whose socket is full is closed, with all its operations; the others get the event', async () => {
    const server = serveSharing();
    const { publish, ready, clock, executions } = server;
    const full = await ready();
    const other = await ready();
    for (const id of ['1', '2', '3']) {
      subscribe(full, id, textQuery);
      subscribe(other, id, textQuery);
    }
    await clock.settle();
    full.bufferedBytes = 10 ** 9;

    await publish('one');

    expect(await heard(full)).toEqual(['close']);
    expect(await heard(other)).toEqual([said('one'), said('one'), said('one')]);
    expect(executions()).toEqual([1, 0]);
    expect(server.server.sharing()).toMatchObject({ groups: 1, subscribers: 3 });
    other.vanish();
    await clock.settle();
    expect(leftoversOf(server)).toEqual(nothing);
  });
});

describe('when everybody has left', () => {
  it('nothing is left, in whichever order and way they went', async () => {
    const app = serveSharing();
    const client = await app.ready();
    const other = await app.ready();
    for (const id of ['1', '2', '3']) {
      subscribe(client, id, textQuery);
      subscribe(other, id, textQuery);
    }
    await app.clock.settle();
    await app.publish('one');
    await app.clock.settle();

    for (const id of ['2', '1', '3']) unsubscribe(client, id);
    client.close(1000);
    other.vanish();
    await app.clock.settle();

    expect(leftoversOf(app)).toEqual(nothing);
    await app.publish('two');
    expect(app.executions()).toEqual([1, 0]);
  });

  it('a server that closes has no groups', async () => {
    const app = serveSharing();
    await app.subscribers(3);

    await app.server.close();

    expect(leftoversOf(app)).toEqual(nothing);
  });
});
