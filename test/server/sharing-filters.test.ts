import { subscriptionField } from 'millrace/server';
import { describe, expect, it, vi } from 'vitest';

import { subscribe } from '../support/conversation.ts';
import type { MemoryClient } from '../support/memory-client.ts';
import { Countable, Gate, heard, heardBy, said, serveSharing } from '../support/sharing-server.ts';
import type { Post, SharingServer } from '../support/sharing-server.ts';

interface Context {
  readonly user: string;
}

type Filter = (post: Post, user: string) => unknown;

interface FilteringServer extends SharingServer {
  readonly users: (...names: readonly string[]) => Promise<readonly MemoryClient[]>;
}

const query = 'subscription { message { text } }';
const textOf = (post: Post) => String(post['text']);

/** A server where each connection is another user's; `filter` is asked for those whose names do not begin with `all`. */
function serveFilter(filter: Filter): FilteringServer {
  const server = serveSharing({
    fields: (topic) => ({
      Subscription: {
        message: {
          subscribe: (_root: unknown, _args: unknown, { user }: Context) => {
            const source = topic.source();
            return user.startsWith('all') ? source : source.filter((post) => filter(post, user));
          },
        },
      },
    }),
    options: { context: ({ request }) => ({ user: request.headers['user'] }) },
  });
  return { ...server, users: (...names) => joinAs(server, names) };
}

async function joinAs(
  { ready, clock }: SharingServer,
  names: readonly string[],
): Promise<readonly MemoryClient[]> {
  const clients: MemoryClient[] = [];
  for (const user of names) {
    const client = await ready({ headers: { user } });
    subscribe(client, '1', query);
    clients.push(client);
  }
  await clock.settle();
  return clients;
}

/** Not faster than the event loop turns. */
async function publishMany({ publish, clock }: SharingServer, count: number): Promise<void> {
  for (let i = 0; i < count; i += 1) {
    await publish(`${i}`);
    if (i % 50 === 0) await clock.turn();
  }
  await clock.settle();
}

describe('a filter belongs to its subscriber:', () => {
  it('members of one group get what their own lets through', async () => {
    const { publish, users, server, executions } = serveFilter((post, user) =>
      textOf(post).includes(user),
    );
    const clients = await users('a', 'b', 'all', 'ab');

    await publish('a');
    await publish('ab');
    await publish('c');

    expect(await heardBy(clients)).toEqual([
      [said('a'), said('ab')],
      [said('ab')],
      [said('a'), said('ab'), said('c')],
      [said('ab')],
    ]);
    expect(server.sharing()).toMatchObject({ groups: 1, subscribers: 4 });
    expect(executions()).toEqual([3, 0]);
  });

  it('an event that nobody wants is neither executed nor written', async () => {
    const { topic, users, executions } = serveFilter(() => false);
    const clients = await users('a', 'b');
    const text = new Countable('one');

    await topic.publish({ text });

    expect(await heardBy(clients)).toEqual([[], []]);
    expect(executions()).toEqual([0, 0]);
    expect(text.encodings).toBe(0);
  });

  it('every event is put to it once', async () => {
    const filter = vi.fn(() => true);
    const { publish, users } = serveFilter(filter);
    await users('a', 'b');

    await publish('one');
    await publish('two');

    expect(filter.mock.calls).toHaveLength(4);
    expect(filter).toHaveBeenCalledWith({ text: 'two' }, 'a');
  });

  it.each<readonly [string, () => unknown]>([
    [
      'throws',
      () => {
        throw new Error('no opinion');
      },
    ],
    ['rejects', () => Promise.reject(new Error('no opinion'))],
  ])('one that %s fails that event for its own subscriber alone', async (_how, fail) => {
    const { publish, users, hidden, executions, server } = serveFilter((post, user) =>
      user === 'broken' && textOf(post) === 'one' ? fail() : true,
    );
    const clients = await users('a', 'broken', 'all');

    await publish('one');
    await publish('two');

    expect(await heardBy(clients)).toEqual([
      [said('one'), said('two')],
      [{ message: null }, said('two')],
      [said('one'), said('two')],
    ]);
    expect(hidden).toEqual(['resolver: no opinion']);
    expect(server.sharing().subscribers).toBe(3);
    expect(executions()).toEqual([2, 0]);
  });

  it('nothing is put to it once its connection was closed because of the event before', async () => {
    const filter = vi.fn(() => {
      throw new Error('no opinion');
    });
    const { topic, users } = serveFilter(filter);
    const [full, other] = await users('full', 'all');
    if (full) full.bufferedBytes = 10 ** 9;

    await topic.publishMany([{ text: 'one' }, { text: 'two' }]);

    expect(full && (await heard(full))).toEqual(['close']);
    expect(other && (await heard(other))).toEqual([said('one'), said('two')]);
    expect(filter).toHaveBeenCalledOnce();
  });

  it('an event that is a function cannot be filtered, and fails for those who would', async () => {
    const { topic, users } = serveFilter(() => true);
    const clients = await users('a', 'all');

    await topic.publish(() => ({ text: 'own' }));

    expect(await heardBy(clients)).toEqual([[{ message: null }], [said('own')]]);
  });
});

describe('a filter that takes its time', () => {
  it('delays nobody else, and keeps the order of its subscriber', async () => {
    const gates = new Map(['one', 'two', 'three'].map((text) => [text, new Gate<boolean>()]));
    const { publish, users, executions } = serveFilter((post, user) =>
      user === 'slow' ? gates.get(textOf(post))?.promise : true,
    );
    const clients = await users('a', 'slow', 'all');

    for (const text of gates.keys()) await publish(text);
    const all = [said('one'), said('two'), said('three')];
    expect(await heardBy(clients)).toEqual([all, [], all]);

    gates.get('three')?.open(true);
    expect(await heardBy(clients)).toEqual([[], [], []]);
    gates.get('one')?.open(true);
    expect(await heardBy(clients)).toEqual([[], [said('one')], []]);
    gates.get('two')?.open(false);
    expect(await heardBy(clients)).toEqual([[], [said('three')], []]);
    expect(executions()).toEqual([3, 0]);
  });

  it('sees one event after the other', async () => {
    const gate = new Gate<boolean>();
    const filter = vi.fn(() => gate.promise);
    const { publish, users } = serveFilter(filter);
    const clients = await users('slow');

    await publish('one');
    await publish('two');
    await heardBy(clients);
    expect(filter).toHaveBeenCalledTimes(1);
    gate.open(true);

    expect(await heardBy(clients)).toEqual([[said('one'), said('two')]]);
    expect(filter).toHaveBeenCalledTimes(2);
  });

  it('shares the execution of the event with those who had it long before', async () => {
    const gate = new Gate<boolean>();
    const { topic, users, executions } = serveFilter(() => gate.promise);
    const clients = await users('a', 'all', 'b');
    const text = new Countable('one');

    await topic.publish({ text: 'one', body: text });
    expect(await heardBy(clients)).toEqual([[], [said('one')], []]);
    gate.open(true);

    expect(await heardBy(clients)).toEqual([[said('one')], [], [said('one')]]);
    expect(executions()).toEqual([1, 0]);
  });

  it('asks for no execution once its subscriber has left', async () => {
    const gate = new Gate<boolean>();
    const { publish, users, executions, server, clock } = serveFilter(() => gate.promise);
    const [client] = await users('slow', 'other');
    await publish('one');
    await clock.settle();

    client?.vanish();
    await clock.settle();
    expect(server.sharing().subscribers).toBe(1);
    client?.vanish();
    gate.open(true);
    await clock.settle();

    // the other one wanted it
    expect(executions()).toEqual([1, 0]);
  });

  it('asks for no execution once everybody has left', async () => {
    const gate = new Gate<boolean>();
    const { publish, users, executions, server, clock } = serveFilter(() => gate.promise);
    const clients = await users('slow', 'slower');
    await publish('one');
    await clock.settle();

    for (const client of clients) client.vanish();
    await clock.settle();
    gate.open(true);
    await clock.settle();

    expect(server.sharing()).toMatchObject({ groups: 0, subscribers: 0 });
    expect(executions()).toEqual([0, 0]);
  });

  it.each(['goes on', 'has ended'])(
    'is asked no more once its subscriber has left, while the source %s',
    async (course) => {
      const gate = new Gate<boolean>();
      const filter = vi.fn(() => gate.promise);
      const { publish, users, executions, clock, broker } = serveFilter(filter);
      const [client] = await users('slow', 'all');
      await publish('one');
      await publish('two');
      await clock.settle();
      if (course === 'has ended') await broker.close();
      await clock.settle();

      client?.vanish();
      await clock.settle();
      gate.open(true);
      await clock.settle();

      expect(filter).toHaveBeenCalledTimes(1);
      expect(executions()).toEqual([2, 0]);
    },
  );

  it('lets its subscriber hear of the end of the source after the events before it', async () => {
    const gate = new Gate<boolean>();
    const { publish, users, broker, server } = serveFilter(() => gate.promise);
    const clients = await users('slow', 'all');
    await publish('one');
    await publish('two');
    await broker.close();

    const both = [said('one'), said('two')];
    expect(await heardBy(clients)).toEqual([[], [...both, 'complete']]);
    gate.open(true);

    expect(await heardBy(clients)).toEqual([[...both, 'complete'], []]);
    expect(server.gauges()).toMatchObject({ operations: 0, readers: 0 });
  });

  it('may let 1,000 events wait', async () => {
    const gate = new Gate<boolean>();
    const server = serveFilter(() => gate.promise);
    const [slow] = await server.users('slow', 'all');
    await publishMany(server, 1_000);

    gate.open(true);
    await server.clock.settle();

    expect(slow && (await heard(slow))).toEqual(
      Array.from({ length: 1_000 }, (_, i) => said(`${i}`)),
    );
    expect(server.server.sharing().subscribers).toBe(2);
  });

  it('and more fail that subscription alone', async () => {
    const gate = new Gate<boolean>();
    const app = serveFilter((_post, user) => (user === 'slow' ? gate.promise : true));
    const { users, server, hidden } = app;
    const [slow, other] = await users('slow', 'fast');
    await publishMany(app, 1_001);

    expect(slow && (await heard(slow))).toEqual([
      { errors: [expect.objectContaining({ extensions: { code: 'EVENTS_LOST' } })] },
    ]);
    gate.open(true);
    expect(slow && (await heard(slow))).toEqual([]);
    expect(other && (await heard(other))).toHaveLength(1_001);
    expect(server.sharing().subscribers).toBe(1);
    expect(server.gauges()).toMatchObject({ operations: 1, readers: 1 });
    expect(hidden).toEqual([]);
  });
});

/** A server whose source is mapped and, for each subscriber, filtered then. */
function serveMap(map: (post: Post) => unknown, filter?: (post: Post) => unknown) {
  return serveSharing({
    fields: (topic) => ({
      Subscription: {
        message: {
          subscribe: () => {
            const source = topic.source().map(map);
            return filter ? source.filter((post) => filter(post as Post)) : source;
          },
        },
      },
    }),
  });
}

describe('maps', () => {
  const shout = vi.fn((post: Post) => ({ text: `${textOf(post)}!` }));

  it('are applied once for a group and event', async () => {
    shout.mockClear();
    const { publish, subscribers, executions } = serveMap(shout, () => true);
    const clients = await subscribers(3);

    await publish('one');

    expect(await heardBy(clients)).toEqual(clients.map(() => [said('one!')]));
    expect(shout).toHaveBeenCalledOnce();
    expect(executions()).toEqual([1, 0]);
  });

  it('are not applied to what no filter before them lets through', async () => {
    shout.mockClear();
    const { publish, subscribers, executions } = serveSharing({
      fields: (topic) => ({
        Subscription: {
          message: {
            subscribe: () =>
              topic
                .source()
                .filter((post) => textOf(post) === 'one')
                .map(shout),
          },
        },
      }),
    });
    const clients = await subscribers(3);

    await publish('one');
    await publish('two');

    expect(await heardBy(clients)).toEqual(clients.map(() => [said('one!')]));
    expect(shout).toHaveBeenCalledOnce();
    expect(executions()).toEqual([1, 0]);
  });

  it('stand between filters in the order of the calls', async () => {
    const { publish, subscribers, executions } = serveSharing({
      fields: (topic) => ({
        Subscription: {
          message: {
            subscribe: () =>
              topic
                .source()
                .filter((post) => textOf(post) !== 'two')
                .map(shout)
                .filter(async (post) => post.text !== 'three!')
                .map(shout)
                .filter((post) => post.text === 'one!!'),
          },
        },
      }),
    });
    const clients = await subscribers(2);

    for (const text of ['one', 'two', 'three', 'four']) await publish(text);

    expect(await heardBy(clients)).toEqual(clients.map(() => [said('one!!')]));
    expect(executions()).toEqual([1, 0]);
  });

  it('may take their time, and keep the order', async () => {
    const gate = new Gate();
    const { publish, subscribers, executions } = serveMap(async (post) => {
      if (textOf(post) === 'one') await gate.promise;
      return shout(post);
    });
    const clients = await subscribers(2);

    await publish('one');
    await publish('two');
    expect(await heardBy(clients)).toEqual([[], []]);
    gate.open();

    expect(await heardBy(clients)).toEqual(clients.map(() => [said('one!'), said('two!')]));
    expect(executions()).toEqual([2, 0]);
  });

  it.each<readonly [string, (post: Post) => unknown]>([
    [
      'throw',
      (post) => {
        if (textOf(post) === 'bad') throw new Error('no such word');
        return post;
      },
    ],
    [
      'reject',
      async (post) => {
        if (textOf(post) === 'bad') throw new Error('no such word');
        return post;
      },
    ],
  ])('that %s fail one event for all, which is reported once', async (_how, map) => {
    for (const filter of [undefined, () => true]) {
      const { publish, subscribers, hidden, executions } = serveMap(map, filter);
      const clients = await subscribers(3);

      await publish('bad');
      await publish('good');

      expect(await heardBy(clients)).toEqual(clients.map(() => [{ message: null }, said('good')]));
      expect(hidden).toEqual(['resolver: no such word']);
      expect(executions()).toEqual([1, 0]);
    }
  });
});

describe('a field with a filter', () => {
  it('shares what its arguments let through', async () => {
    const { publish, ready, executions } = serveSharing({
      fields: (topic) => ({
        Subscription: {
          message: subscriptionField({
            topic,
            filter: (post: Post, { match }: { readonly match?: { readonly words: string[] } }) =>
              match?.words.includes(textOf(post)) ?? true,
          }),
        },
      }),
    });
    const client = await ready();
    const matching = 'subscription ($m: Match) { message(match: $m) { text } }';
    for (const id of ['1', '2']) {
      subscribe(client, id, matching, { variables: { m: { words: ['a'] } } });
    }
    subscribe(client, '3', matching, { variables: { m: { words: ['b'] } } });
    await client.rest();

    await publish('a');
    await publish('b');

    expect(await heard(client)).toEqual([said('a'), said('a'), said('b')]);
    expect(executions()).toEqual([2, 0]);
  });
});
