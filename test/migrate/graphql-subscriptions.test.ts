import { setImmediate as turn } from 'node:timers/promises';

import * as graphql17 from 'graphql';
import * as graphql16 from 'graphql-16';
import { SourceError } from 'millrace';
import { Broadcaster } from 'millrace/broker';
import type { Broker } from 'millrace/broker';
import { createMemoryBroker } from 'millrace/broker/memory';
import type { MemoryBrokerOptions } from 'millrace/broker/memory';
import { PubSub, UnsupportedOptionError, withFilter } from 'millrace/migrate/graphql-subscriptions';
import { describe, expect, it, onTestFinished, vi } from 'vitest';

import { converse, messagesOf, subscribe } from '../support/conversation.ts';
import { Inbox, until } from '../support/waiting.ts';

/** A broker whose readers do as they are told, and are counted. */
function brokerOf(
  read: () => Promise<never>,
  refusal: (times: number) => Error | undefined = () => undefined,
) {
  let opened = 0;
  let closed = 0;
  const close = async () => {
    closed += 1;
  };
  const broker = {
    headNow: () => undefined,
    async read() {
      opened += 1;
      const refused = refusal(opened);
      if (refused) throw refused;
      return { complete: true, read, close };
    },
  };
  return {
    broker: broker as unknown as Broker, // nothing else of it is used
    opened: () => opened,
    closed: () => closed,
  };
}

interface Changed {
  readonly changed: { readonly id: string };
}

const changed = (id: string): Changed => ({ changed: { id } });

/** Over a broker whose readers can be counted, and what was reported. */
function createPubSub(limits: MemoryBrokerOptions = {}) {
  const broker = createMemoryBroker(limits);
  const reported: unknown[] = [];
  const pubsub = new PubSub<Record<string, unknown>>({
    broker,
    onError: (error) => reported.push(error),
  });
  return { broker, pubsub, reported };
}

/** A server whose field `changed(id)` is this. */
function serveField(field: object) {
  const schema = graphql17.buildSchema(`
    type Change { id: String }
    type Query { a: Int }
    type Subscription { changed(id: String): Change }
  `);
  Object.assign(schema.getSubscriptionType()?.getFields()['changed'] ?? {}, field);
  return converse({ schema });
}

const query = 'subscription ($id: String) { changed(id: $id) { id } }';

const next = (id: string, operation = '1') => ({
  id: operation,
  type: 'next',
  payload: { data: { changed: { id } } },
});

describe('PubSub', () => {
  it('calls each listener with what is published to its trigger, until it is unsubscribed', async () => {
    const { pubsub, broker } = createPubSub();
    const one = new Inbox<unknown>('a payload');
    const other = new Inbox<unknown>('a payload');
    const id = await pubsub.subscribe('a', one.push);
    await pubsub.subscribe('a', other.push);

    await pubsub.publish('a', 1);
    await pubsub.publish('b', 2);
    expect([await one.next(), await other.next()]).toEqual([1, 1]);

    pubsub.unsubscribe(id);
    await pubsub.publish('a', 3);
    expect(await other.next()).toBe(3);
    expect(one.rest).toEqual([]);
    expect(broker.readerCount).toBe(1);
  });

  it('refuses to unsubscribe a number that nobody has', () => {
    const { pubsub } = createPubSub();
    expect(() => pubsub.unsubscribe(7)).toThrow('there is no subscription 7');
  });

  it('reports what a listener throws or rejects with, and goes on', async () => {
    const { pubsub, reported } = createPubSub();
    const heard = new Inbox<unknown>('a payload');
    await pubsub.subscribe('a', (payload: unknown) => {
      heard.push(payload);
      if (payload === 1) throw new Error('thrown');
      return payload === 2 ? Promise.reject(new Error('rejected')) : undefined;
    });

    for (const payload of [1, 2, 3]) await pubsub.publish('a', payload);

    expect(await heard.take(3)).toEqual([1, 2, 3]);
    await until(() => reported.length === 2, 'two reports');
    expect(reported).toEqual([new Error('thrown'), new Error('rejected')]);
  });

  it('reports what a listener has lost, and calls it with what follows', async () => {
    const { pubsub, reported } = createPubSub({ events: 2 });
    const heard = new Inbox<unknown>('a payload');
    await pubsub.subscribe('a', heard.push);

    await Promise.all([1, 2, 3, 4].map((payload) => pubsub.publish('a', payload)));
    await until(() => reported.length === 1, 'a report');
    await turn();
    await pubsub.publish('a', 5);

    expect(reported).toEqual([expect.objectContaining({ code: 'EVENTS_LOST' })]);
    await until(() => heard.rest.includes(5), 'the payload after the loss');
  });

  it('ends the listener of a log that cannot be read any more, and reports why', async () => {
    const failure = new SourceError('BROKER_UNAVAILABLE', 'gone');
    const { broker, opened } = brokerOf(() => Promise.reject(failure));
    const reported: unknown[] = [];
    const pubsub = new PubSub({ broker, onError: (error) => reported.push(error) });
    const id = await pubsub.subscribe('a', () => {});
    await until(() => reported.length === 1, 'a report');
    expect(reported).toEqual([failure]);
    expect(opened()).toBe(1);
    expect(() => pubsub.unsubscribe(id)).toThrow('there is no subscription');
  });

  it('ends a listener that cannot go on after a loss, and reports both', async () => {
    const failure = new SourceError('BROKER_UNAVAILABLE', 'gone');
    const loss = new SourceError('EVENTS_LOST', 'too late');
    const { broker } = brokerOf(
      () => Promise.reject(loss),
      (times) => (times > 1 ? failure : undefined),
    );
    const reported: unknown[] = [];
    const pubsub = new PubSub({ broker, onError: (error) => reported.push(error) });
    await pubsub.subscribe('a', () => {});
    await until(() => reported.length === 2, 'two reports');
    expect(reported).toEqual([loss, failure]);
  });

  it('writes to the console without onError, and survives one that throws', async () => {
    const consoleError = vi.spyOn(console, 'error').mockImplementation(() => {});
    onTestFinished(() => consoleError.mockRestore());
    const throwing = new PubSub({
      onError: () => {
        throw new Error('no reporter');
      },
    });
    for (const pubsub of [new PubSub(), throwing]) {
      await pubsub.subscribe('a', () => {
        throw new Error('no listener');
      });
      await pubsub.publish('a', 1);
    }
    await until(() => consoleError.mock.calls.length === 2, 'two lines');
    expect(consoleError.mock.calls.map(([, error]) => error as unknown)).toEqual([
      new Error('no listener'),
      new Error('no reporter'),
    ]);
  });

  it('closes the broker that it made, and ends its iterators', async () => {
    const pubsub = new PubSub();
    const payloads = pubsub.asyncIterableIterator('a');
    const pending = payloads.next();

    await pubsub.close();

    expect(await pending).toEqual({ done: true, value: undefined });
    await expect(pubsub.publish('a', 1)).rejects.toMatchObject({ code: 'BROKER_CLOSED' });
  });

  it('leaves a broker alone that it was given', async () => {
    const { pubsub, broker } = createPubSub();
    await pubsub.close();
    await expect(broker.publish('a', '', 1)).resolves.toBeDefined();
  });

  it('checks names and payloads where their types are given', async () => {
    const pubsub = new PubSub<{ readonly one: { readonly n: number }; readonly two: string }>();
    // @ts-expect-error -- no such trigger
    await pubsub.publish('three', 1);
    // @ts-expect-error -- no such payload
    await pubsub.publish('two', 2);
    await expect(pubsub.publish('one', { n: 1 })).resolves.toBeUndefined();
  });
});

describe('what Millrace has nothing for', () => {
  it.each([
    [
      'eventEmitter',
      // types do not reach everywhere
      () => new PubSub({ eventEmitter: {} } as object),
      'publish to this object what was emitted',
    ],
    ['unheardOf', () => new PubSub({ unheardOf: 1 } as object), 'leave it out'],
    [
      'pattern',
      () => new PubSub().asyncIterableIterator('a.*', { pattern: true }),
      'choose with withFilter',
    ],
    ['pattern', () => new PubSub().subscribe('a.*', () => {}, { pattern: true }), 'withFilter'],
  ])('is refused by name with a remedy: %s', (option, use, remedy) => {
    expect(use).toThrow(UnsupportedOptionError);
    expect(use).toThrow(
      expect.objectContaining({
        code: 'OPTION_NOT_SUPPORTED',
        option,
        message: expect.stringContaining(`the option ${option} is not supported: `),
        remedy: expect.stringContaining(remedy),
      }),
    );
  });

  it('is not asked of options that are undefined or say no', () => {
    const pubsub = new PubSub({ eventEmitter: undefined } as object);
    expect(() => pubsub.asyncIterator('a', { pattern: false })).not.toThrow();
  });
});

describe.each(['asyncIterableIterator', 'asyncIterator'] as const)('%s', (method) => {
  it('gives what is published from the call on, in order, until it is left', async () => {
    const { pubsub, broker } = createPubSub();
    await pubsub.publish('a', 'too early');
    const payloads = pubsub[method]<number>('a');
    await pubsub.publish('a', 1);
    await pubsub.publish('a', 2);

    expect(await Promise.all([payloads.next(), payloads.next()])).toEqual([
      { done: false, value: 1 },
      { done: false, value: 2 },
    ]);
    const pending = payloads.next();
    expect(await payloads.return()).toEqual({ done: true, value: undefined });
    expect(await pending).toEqual({ done: true, value: undefined });
    expect(await payloads.next()).toEqual({ done: true, value: undefined });
    expect(broker.readerCount).toBe(0);
  });

  it('is its own iterator, and ends with the error that is thrown into it', async () => {
    const { pubsub, broker } = createPubSub();
    const payloads = pubsub[method]('a');
    expect(payloads[Symbol.asyncIterator]()).toBe(payloads);
    await expect(payloads.throw(new Error('enough'))).rejects.toThrow('enough');
    expect(await payloads.next()).toEqual({ done: true, value: undefined });
    await until(() => broker.readerCount === 0, 'the end of the reader');
  });

  it('holds nothing if it is left before anybody has asked', async () => {
    const { pubsub, broker } = createPubSub();
    const payloads = pubsub[method]('a');
    await payloads.return();
    expect(payloads[Symbol.asyncIterator]()).toBe(payloads);
    expect(await payloads.next()).toEqual({ done: true, value: undefined });
    expect(broker.readerCount).toBe(0);
  });

  it('reads several triggers, each in its order', async () => {
    const { pubsub, broker } = createPubSub();
    const payloads = pubsub[method]<string>(['a', 'b']);
    await pubsub.publish('a', 'a1');
    await pubsub.publish('b', 'b1');
    await pubsub.publish('c', 'c1');
    await pubsub.publish('a', 'a2');

    const heard: string[] = [];
    for await (const payload of payloads) {
      heard.push(payload);
      if (heard.length === 3) break;
    }

    expect(heard.toSorted()).toEqual(['a1', 'a2', 'b1']);
    expect(heard.indexOf('a1')).toBeLessThan(heard.indexOf('a2'));
    await until(() => broker.readerCount === 0, 'the end of the readers');
  });

  it('begins with a snapshot, and filters and maps, also several triggers', async () => {
    const { pubsub } = createPubSub();
    for (const triggers of ['a', ['a', 'b']]) {
      const payloads = pubsub[method]<number>(triggers)
        .startWith(() => [1, 2])
        .filter((n) => n > 1)
        .map((n) => n * 10);
      await pubsub.publish('a', 3);
      expect([await payloads.next(), await payloads.next()]).toEqual([
        { done: false, value: 20 },
        { done: false, value: 30 },
      ]);
      await payloads.return();
    }
  });

  it('opens all of several triggers or none', async () => {
    const failure = new SourceError('BROKER_UNAVAILABLE', 'gone');
    const { broker, closed } = brokerOf(
      () => new Promise(() => {}),
      (times) => (times > 1 ? failure : undefined),
    );
    const payloads = new PubSub({ broker })[method](['a', 'b']);
    await expect(payloads.next()).rejects.toBe(failure);
    expect(closed()).toBe(1);
  });

  it('ends once all of several triggers have ended', async () => {
    const { pubsub, broker } = createPubSub();
    const payloads = pubsub[method](['a', 'b']);
    const pending = payloads.next();
    await broker.close();
    expect(await pending).toEqual({ done: true, value: undefined });
  });

  it('of no triggers waits until it is left', async () => {
    const { pubsub } = createPubSub();
    const payloads = pubsub[method]([]);
    const seen: unknown[] = [];
    const pending = payloads.next().then((result) => seen.push(result));
    await pubsub.publish('a', 1);
    await turn();
    expect(seen).toEqual([]);

    await payloads.return();
    await pending;
    expect(seen).toEqual([{ done: true, value: undefined }]);
  });

  it('fails if any of several triggers fails, and holds no reader then', async () => {
    const { pubsub, broker } = createPubSub({ events: 2 });
    const payloads = pubsub[method](['a', 'b']);
    await Promise.all([1, 2, 3].map((payload) => pubsub.publish('b', payload)));
    await expect(payloads.next()).rejects.toMatchObject({ code: 'EVENTS_LOST' });
    expect(broker.readerCount).toBe(0);
  });
});

const start = (client: { send(frame: string): void }, token?: string) =>
  client.send(
    JSON.stringify({
      type: 'subscribe',
      id: '1',
      payload: { query, extensions: { resume: { ...(token !== undefined && { token }) } } },
    }),
  );

describe('a resolver map over PubSub', () => {
  it.each([
    // Both versions have the functions that are called here, with the same parameters.
    ['graphql 16', graphql16 as unknown as typeof graphql17],
    ['graphql 17', graphql17],
  ])('works under plain %s', async (_, graphql) => {
    const { pubsub, broker } = createPubSub();
    const schema = graphql.buildSchema(`
      type Change { id: String }
      type Query { a: Int }
      type Subscription { changed(id: String): Change }
    `);
    const filtered = withFilter<Changed, { readonly id: string }>(
      () => pubsub.asyncIterableIterator('changed'),
      (payload, args) => payload?.changed.id.startsWith(args?.id ?? '') === true,
    );
    const stream = await graphql.subscribe({
      schema,
      document: graphql.parse(query),
      variableValues: { id: 'a' },
      rootValue: { changed: (args: { readonly id: string }) => filtered(undefined, args) },
    });
    if (!(Symbol.asyncIterator in stream)) throw new Error('refused');

    for (const id of ['a1', 'b1', 'a2']) await pubsub.publish('changed', changed(id));
    const results = [await stream.next(), await stream.next()];
    await stream.return(undefined);

    expect(results.map(({ value }) => value?.data)).toEqual([changed('a1'), changed('a2')]);
    await until(() => broker.readerCount === 0, 'the end of the reader');
  });

  it('shares one execution among all who ask for the same', async () => {
    const { pubsub, broker } = createPubSub();
    const { ready, server } = serveField({
      subscribe: () => pubsub.asyncIterableIterator('changed'),
    });
    const clients = await Promise.all(Array.from({ length: 5 }, () => ready()));
    for (const client of clients) subscribe(client, '1', query);
    for (const client of clients) await client.rest();

    await pubsub.publish('changed', changed('a'));

    for (const client of clients) expect(await messagesOf(client)).toEqual([next('a')]);
    expect(server.sharing()).toMatchObject({ groups: 1, subscribers: 5, executions: 1 });
    expect(broker.readerCount).toBe(5);
  });

  it('shares what withFilter gives, and delivers to those whose filter passes', async () => {
    const { pubsub } = createPubSub();
    const subscribeTo = withFilter<Changed, { readonly id?: string }>(
      () => pubsub.asyncIterableIterator('changed'),
      async (payload, args) => args?.id === undefined || payload?.changed.id === args.id,
    );
    const { ready, server } = serveField({ subscribe: subscribeTo });
    const [one, other] = [await ready(), await ready()];
    subscribe(one, '1', query);
    subscribe(other, '1', query);
    await other.rest();

    await pubsub.publish('changed', changed('a'));

    expect(await messagesOf(one)).toEqual([next('a')]);
    expect(server.sharing()).toMatchObject({ groups: 1, subscribers: 2, executions: 1 });
  });

  it('goes on where a client stopped', async () => {
    const { pubsub } = createPubSub();
    const { ready } = serveField({ subscribe: () => pubsub.asyncIterableIterator('changed') });
    const first = await ready();
    start(first);
    await first.rest();
    await pubsub.publish('changed', changed('a'));
    const results = (await messagesOf(first)) as readonly {
      readonly payload?: {
        readonly extensions?: { readonly resume?: { readonly token?: string } };
      };
    }[];
    const token = results.at(-1)?.payload?.extensions?.resume?.token;
    first.vanish();
    await pubsub.publish('changed', changed('b'));

    const second = await ready();
    start(second, token);

    expect(await messagesOf(second)).toContainEqual(
      expect.objectContaining({ payload: expect.objectContaining({ data: changed('b') }) }),
    );
  });

  it('executes each event of several triggers for each subscriber', async () => {
    const { pubsub, broker } = createPubSub();
    const { ready, server } = serveField({
      subscribe: () => pubsub.asyncIterableIterator(['created', 'removed']),
    });
    const [one, other] = [await ready(), await ready()];
    subscribe(one, '1', query);
    subscribe(other, '1', query);
    await other.rest();

    await pubsub.publish('removed', changed('a'));

    expect(await messagesOf(one)).toEqual([next('a')]);
    expect(await messagesOf(other)).toEqual([next('a')]);
    expect(server.sharing()).toMatchObject({
      groups: 0,
      notShared: [{ reason: 'its events come from a source without a log', subscriptions: 2 }],
    });
    one.close(1000);
    other.close(1000);
    await until(() => broker.readerCount === 0, 'the end of the readers');
  });

  it('shares nothing with a topic of the same name, whose events are values of the field', async () => {
    const { pubsub, broker } = createPubSub();
    const topic = broker.topic<object>('changed');
    const { ready, server } = serveField({
      subscribe: (_: unknown, { id }: { readonly id?: string }) =>
        id === undefined ? pubsub.asyncIterableIterator('changed') : topic.source(),
    });
    const [one, other] = [await ready(), await ready()];
    subscribe(one, '1', 'subscription { changed { id } }');
    subscribe(other, '1', 'subscription { changed(id: "x") { id } }');
    await other.rest();

    await pubsub.publish('changed', { id: 'top', ...changed('inner') });

    expect(await messagesOf(one)).toEqual([next('inner')]);
    expect(await messagesOf(other)).toEqual([next('top')]);
    expect(server.sharing().groups).toBe(2);
  });

  it('gives a payload that is no object to the field itself', async () => {
    const { pubsub } = createPubSub();
    const schema = graphql17.buildSchema('type Query { a: Int } type Subscription { n: Int }');
    Object.assign(schema.getSubscriptionType()?.getFields()['n'] ?? {}, {
      subscribe: () => pubsub.asyncIterator('n'),
    });
    const { ready } = converse({ schema });
    const client = await ready();
    subscribe(client, '1', 'subscription { n }');
    await client.rest();
    await pubsub.publish('n', 3);
    expect(await messagesOf(client)).toEqual([
      { id: '1', type: 'next', payload: { data: { n: 3 } } },
    ]);
  });
});

const isEven = (payload?: number) => payload !== undefined && payload % 2 === 0;

async function fail(error: unknown): Promise<never> {
  // oxlint-disable-next-line typescript/only-throw-error -- it is whatever the consumer throws
  throw error;
}

describe('withFilter', () => {
  it('leaves out what the filter throws for, rejects for, or answers with anything but true', async () => {
    const { pubsub } = createPubSub();
    const answers: Record<string, () => unknown> = {
      yes: () => true,
      later: async () => true,
      truthy: () => 1,
      no: () => false,
      throws: () => {
        throw new Error('broken');
      },
      rejects: () => Promise.reject(new Error('broken')),
    };
    const payloads = await withFilter<string>(
      () => pubsub.asyncIterator('a'),
      (name) => answers[name ?? '']?.() as boolean,
    )();
    for (const name of Object.keys(answers)) await pubsub.publish('a', name);
    await pubsub.publish('a', 'yes');

    const heard = [await payloads.next(), await payloads.next(), await payloads.next()];
    expect(heard.map(({ value }) => value as unknown)).toEqual(['yes', 'later', 'yes']);
    await payloads.return?.();
  });

  it('is called with the payload, the arguments, the context and the info', async () => {
    const { pubsub } = createPubSub();
    const seen: unknown[] = [];
    const payloads = await withFilter(
      async () => pubsub.asyncIterator('a'),
      (...all) => {
        seen.push(all);
        return true;
      },
    )('root', 'args', 'context', 'info');
    await pubsub.publish('a', 1);
    await payloads.next();
    expect(seen).toEqual([[1, 'args', 'context', 'info']]);
    await payloads.return?.();
  });

  it('filters the iterators of others, and lets go of them', async () => {
    const events: string[] = [];
    async function* count() {
      try {
        for (let n = 1; ; n += 1) yield n;
      } finally {
        events.push('left');
      }
    }
    const payloads = await withFilter<number>(() => count(), isEven)();
    expect(payloads[Symbol.asyncIterator]()).toBe(payloads);
    expect([await payloads.next(), await payloads.next()]).toEqual([
      { done: false, value: 2 },
      { done: false, value: 4 },
    ]);
    expect(await payloads.return?.()).toEqual({ done: true, value: undefined });
    expect(events).toEqual(['left']);
  });

  it.each([
    ['has throw', { throw: fail }, []],
    ['has return alone', {}, ['left']],
  ])('throws into an iterator of others that %s', async (_, methods, expected) => {
    const events: string[] = [];
    const foreign: AsyncIterator<number> = {
      next: async () => ({ done: true, value: undefined }),
      return: async () => {
        events.push('left');
        return { done: true, value: undefined };
      },
      ...methods,
    };
    const payloads = await withFilter(
      () => foreign,
      () => true,
    )();
    expect(await payloads.next()).toEqual({ done: true, value: undefined });
    await expect(payloads.throw?.(new Error('enough'))).rejects.toThrow('enough');
    expect(events).toEqual(expected);
  });

  it('answers for an iterator of others without return', async () => {
    const foreign = { next: () => new Promise<never>(() => {}) };
    const payloads = await withFilter(
      () => foreign,
      () => true,
    )();
    expect(await payloads.return?.('done')).toEqual({ done: true, value: 'done' });
  });

  it('does not take the sources of topics for its own', async () => {
    const broadcaster = new Broadcaster<number>();
    const source = broadcaster.source();
    const payloads = await withFilter<number>(() => source[Symbol.asyncIterator](), isEven)();
    for (const n of [1, 2]) broadcaster.publish(n);
    expect(await payloads.next()).toEqual({ done: false, value: 2 });
    await payloads.return?.();
  });
});
