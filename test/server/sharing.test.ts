import { GraphQLError } from 'graphql';
import type { ServerOptions } from 'millrace/server';
import { createReferenceEngine, pure } from 'millrace/server';
import { describe, expect, it, vi } from 'vitest';

import { subscribe } from '../support/conversation.ts';
import { carriers } from '../support/carriers/index.ts';
import {
  Countable,
  createSchema,
  heard,
  heardBy,
  said,
  serveSharing,
  textQuery,
} from '../support/sharing-server.ts';
import type { Post } from '../support/sharing-server.ts';

const shout = (post: Post) => ({ text: `${String(post['text'])}!` });

describe('operations that ask for the same', () => {
  it('share one execution and one encoding per event, however many they are', async () => {
    const { topic, subscribers, executions } = serveSharing();
    const clients = await subscribers(20, 'subscription { message { text body } }');
    const body = new Countable('b');

    await topic.publish({ text: 'one', body });
    await topic.publish({ text: 'two', body });

    const both = ['one', 'two'].map((text) => ({ message: { text, body: 'b' } }));
    expect(await heardBy(clients)).toEqual(clients.map(() => both));
    expect(executions()).toEqual([2, 0]);
    expect(body.encodings).toBe(2);
  });

  it('share among the operations of one connection', async () => {
    const { publish, ready, server, executions } = serveSharing();
    const client = await ready();
    for (let id = 0; id < 50; id += 1) subscribe(client, `${id}`, textQuery);
    await client.rest();

    await publish('one');

    expect(await heard(client)).toHaveLength(50);
    expect(executions()).toEqual([1, 0]);
    expect(server.sharing().subscribers).toBe(50);
  });

  it('share whatever carries their results', async () => {
    const conversation = serveSharing();
    const { topic, clock, executions } = conversation;
    const streaming = Object.entries(carriers).filter(
      ([name, { refuses, options }]) =>
        !options && !('subscription' in refuses) && name !== 'a direct call',
    );
    const query = 'subscription { message { text body } }';
    const asked = { kind: 'subscription', request: { query } } as const;
    const exchanges = await Promise.all(
      streaming.map(([, carrier]) => carrier.ask(conversation, asked)),
    );
    await clock.settle();

    const body = new Countable('b');

    await topic.publish({ text: 'one', body });
    await clock.settle();

    expect(streaming).toHaveLength(7);
    const heardOf = await Promise.all(exchanges.map((exchange) => exchange.hear()));
    const data = { message: { text: 'one', body: 'b' } };
    expect(heardOf).toEqual(streaming.map(() => ({ results: [{ data }] })));
    expect(body.encodings).toBe(1);
    expect(conversation.server.sharing()).toMatchObject({ groups: 1, subscribers: 7 });
    expect(executions()).toEqual([1, 0]);

    for (const exchange of exchanges) exchange.leave();
    await clock.settle();
    expect(conversation.server.sharing()).toMatchObject({ groups: 0, subscribers: 0 });
    expect(conversation.server.gauges()).toMatchObject({ operations: 0, readers: 0 });
  });

  it('are recognised whatever the order of the members of their variables', async () => {
    const { publish, ready, server, executions } = serveSharing();
    const client = await ready();
    const query = 'subscription ($r: String, $m: Match) { message(room: $r, match: $m) { text } }';
    subscribe(client, '1', query, { variables: { r: '', m: { least: 1, words: ['a', 'b'] } } });
    subscribe(client, '2', query, { variables: { m: { words: ['a', 'b'], least: 1 }, r: '' } });
    await client.rest();

    await publish('one');

    expect(await heard(client)).toEqual([said('one'), said('one')]);
    expect(server.sharing().groups).toBe(1);
    expect(executions()).toEqual([1, 0]);
  });

  it('are recognised by what was parsed, also where the text is sent anew', async () => {
    const { ready, server } = serveSharing();
    const client = await ready();
    subscribe(client, '1', textQuery);
    subscribe(client, '2', textQuery, { variables: {} });
    subscribe(client, '3', textQuery, { operationName: null, extensions: { a: 1 } });
    await client.rest();

    expect(server.sharing()).toMatchObject({ groups: 1, subscribers: 3 });
  });
});

describe('documents', () => {
  it('are the same by their text, also where no cache remembers them', async () => {
    const engine = createReferenceEngine({ documentCacheSize: 0 });
    const { ready, publish, server, executions } = serveSharing({ options: { engine } });
    const client = await ready();
    const both = 'subscription A { message { text } } subscription B { message { text } }';
    for (const [id, operationName] of ['A', 'A', 'B', 'A'].entries()) {
      subscribe(client, `${id}`, both, { operationName });
    }
    await client.rest();

    await publish('one');

    expect(await heard(client)).toHaveLength(4);
    expect(server.sharing()).toMatchObject({ groups: 2, subscribers: 4 });
    expect(executions()).toEqual([2, 0]);
  });
});

describe('operations that differ in', () => {
  const twoOperations = 'subscription A { message { text } } subscription B { message { text } }';
  const withRoom = 'subscription ($room: String) { message(room: $room) { text } }';
  const withWords = 'subscription ($w: [String!]) { message(match: { words: $w }) { text } }';

  it.each([
    ['their document', { query: textQuery }, { query: `${textQuery} ` }],
    ['their field', { query: textQuery }, { query: 'subscription { message: other { text } }' }],
    [
      'their operation name',
      { query: twoOperations, operationName: 'A' },
      { query: twoOperations, operationName: 'B' },
    ],
    [
      'a variable, though not in their source',
      { query: withWords, variables: { w: ['a', 'b'] } },
      { query: withWords, variables: { w: ['b', 'a'] } },
    ],
    [
      'the type of a variable',
      { query: withWords, variables: { w: ['1'] } },
      { query: withWords, variables: { w: '1' } },
    ],
    [
      'a variable that is null in one and absent in the other',
      { query: withRoom, variables: { room: null } },
      { query: withRoom },
    ],
  ])('%s do not share', async (_title, one, other) => {
    const { publish, ready, server, executions } = serveSharing();
    const client = await ready();
    subscribe(client, '1', one.query, one);
    subscribe(client, '2', other.query, other);
    await client.rest();

    await publish('one');

    expect(await heard(client)).toEqual([said('one'), said('one')]);
    expect(server.sharing()).toMatchObject({ groups: 2, subscribers: 2 });
    expect(executions()).toEqual([2, 0]);
  });

  it('the key of their topic do not share, and get their own events only', async () => {
    const { publish, ready, executions } = serveSharing();
    const client = await ready();
    const query = 'subscription ($room: String) { message(room: $room) { text } }';
    subscribe(client, '1', query, { variables: { room: 'a' } });
    subscribe(client, '2', query, { variables: { room: 'b' } });
    await client.rest();

    await publish('to a', 'a');
    await publish('to b', 'b');

    expect(await heard(client)).toEqual([said('to a'), said('to b')]);
    expect(executions()).toEqual([2, 0]);
  });

  it('the schema that their request chose do not share', async () => {
    const { topic } = serveSharing();
    const schemas: Readonly<Record<string, ReturnType<typeof createSchema>>> = {
      one: createSchema(topic),
      other: createSchema(topic),
    };
    const choose: ServerOptions['schema'] = ({ headers }) => {
      const schema = schemas[headers['tenant'] ?? ''];
      if (!schema) throw new Error('no such tenant');
      return schema;
    };
    const { ready, server, clock, executions } = serveSharing({ options: { schema: choose } });
    for (const tenant of ['one', 'other', 'one']) {
      subscribe(await ready({ headers: { tenant } }), '1', textQuery);
    }
    await clock.settle();

    await topic.publish({ text: 'one' });
    await clock.settle();

    expect(server.sharing()).toMatchObject({ groups: 2, subscribers: 3 });
    expect(executions()).toEqual([2, 0]);
  });

  it('the maps of their source do not share; those with the same ones do', async () => {
    const { publish, ready, server, executions } = serveSharing({
      fields: (topic) => ({
        Subscription: {
          message: { subscribe: () => topic.source().map(shout) },
          other: {
            subscribe: () => topic.source().map((post) => shout(post)),
          },
        },
      }),
    });
    const client = await ready();
    subscribe(client, '1', textQuery);
    subscribe(client, '2', textQuery);
    subscribe(client, '3', 'subscription { message: other { text } }');
    subscribe(client, '4', 'subscription { message: other { text } }');
    await client.rest();

    await publish('one');

    expect(await heard(client)).toEqual(Array(4).fill(said('one!')));
    expect(server.sharing()).toMatchObject({ groups: 3, subscribers: 4 });
    expect(executions()).toEqual([3, 0]);
  });
});

describe('an error of a shared execution', () => {
  const failing = pure(() => {
    throw new Error('secret');
  });

  it('reaches every subscriber masked, and the reporter once', async () => {
    const { publish, subscribers, hidden, executions } = serveSharing({
      fields: () => ({ Message: { owner: failing } }),
    });
    const clients = await subscribers(5, 'subscription { message { text owner } }');

    await publish('one');

    const results = await heardBy(clients);
    expect(results).toEqual(clients.map(() => [{ message: { text: 'one', owner: null } }]));
    expect(hidden).toEqual(['resolver: secret']);
    expect(executions()).toEqual([1, 0]);
  });

  it('is shown to every subscriber if it was thrown to be seen', async () => {
    const { publish, subscribers, hidden, clock } = serveSharing({
      fields: () => ({
        Message: {
          owner: pure(() => {
            throw new GraphQLError('nobody');
          }),
        },
      }),
    });
    const clients = await subscribers(3, 'subscription { message { owner } }');

    await publish('one');
    await clock.settle();

    for (const client of clients) {
      expect(await client.next()).toMatchObject({
        message: { payload: { errors: [{ message: 'nobody', path: ['message', 'owner'] }] } },
      });
    }
    expect(hidden).toEqual([]);
  });

  it('that JSON cannot hold is reported once, and ends nothing', async () => {
    const { topic, publish, subscribers, hidden } = serveSharing();
    const clients = await subscribers(4, 'subscription { message { text body } }');

    await topic.publish({ text: 'one', body: 1n });
    await publish('two');

    for (const client of clients) {
      expect(await heard(client)).toEqual([
        { data: null, errors: [expect.objectContaining({ message: 'Internal server error' })] },
        { message: { text: 'two', body: null } },
      ]);
    }
    expect(hidden).toHaveLength(1);
  });
});

describe('hooks', () => {
  it('onComplete is called for each operation of a group', async () => {
    const onComplete = vi.fn();
    const { subscribers, clock } = serveSharing({ options: { onComplete } });
    const clients = await subscribers(3);

    clients[0]?.send('{"id":"1","type":"complete"}');
    clients[1]?.vanish();
    await clock.settle();
    expect(onComplete).toHaveBeenCalledTimes(2);
    clients[2]?.vanish();
    await clock.settle();

    expect(onComplete).toHaveBeenCalledTimes(3);
    expect(onComplete).toHaveBeenLastCalledWith(
      expect.objectContaining({ operation: { query: textQuery } }),
    );
  });

  it('an onNext hook keeps everything unshared, and sees each result of each operation', async () => {
    const onNext = vi.fn();
    const { publish, subscribers, server, executions } = serveSharing({ options: { onNext } });
    const clients = await subscribers(3);

    await publish('one');

    expect(await heardBy(clients)).toEqual(clients.map(() => [said('one')]));
    expect(onNext).toHaveBeenCalledTimes(3);
    expect(executions()).toEqual([0, 0]);
    expect(server.sharing()).toMatchObject({
      groups: 0,
      notShared: [{ reason: 'the server has an onNext hook', subscriptions: 3 }],
    });
  });
});

describe('the report', () => {
  it('names the largest groups first, and why others are none', async () => {
    const { ready, server } = serveSharing({
      fields: () => ({ Message: { owner: () => 'somebody' } }),
    });
    const client = await ready();
    subscribe(client, '1', 'subscription Few { message(room: "a") { text } }');
    for (const id of ['2', '3']) {
      subscribe(client, id, 'subscription Many { message(room: "b") { text } }');
    }
    subscribe(client, '4', 'subscription { message { owner } }');
    await client.rest();

    expect(server.sharing()).toEqual({
      executions: 0,
      personalExecutions: 0,
      groups: 2,
      subscribers: 3,
      largestGroups: [
        { operationName: 'Many', topic: 'posts', key: 'b', subscribers: 2 },
        { operationName: 'Few', topic: 'posts', key: 'a', subscribers: 1 },
      ],
      notShared: [{ reason: 'Message.owner has a resolver', subscriptions: 1 }],
    });
  });
});
