import { buildSchema } from 'graphql';
import { Broadcaster } from 'millrace/broker';
import { of, Subject, throwError } from 'rxjs';
import { describe, expect, it } from 'vitest';

import { converse, messagesOf, subscribe } from '../support/conversation.ts';

/** A server whose only subscription field `n` is this. */
function serveField(
  field: { readonly subscribe: () => unknown; readonly resolve?: unknown },
  type = 'Int',
) {
  const schema = buildSchema(`scalar Any type Query { a: Int } type Subscription { n: ${type} }`);
  Object.assign(schema.getSubscriptionType()?.getFields()['n'] ?? {}, field);
  return converse({ schema });
}

const next = (n: unknown, id = '1') => ({ id, type: 'next', payload: { data: { n } } });
const complete = (id = '1') => ({ id, type: 'complete' });
const masked = (id = '1') => ({
  id,
  type: 'error',
  payload: [expect.objectContaining({ message: 'Internal server error' })],
});

const iterableOf = (iterator: object) => ({ [Symbol.asyncIterator]: () => iterator });

describe('a subscription resolver may return', () => {
  it.each([
    [
      'an async generator',
      async function* () {
        yield 1;
        yield 2;
      },
    ],
    [
      'a promise of one',
      () =>
        Promise.resolve(
          iterableOf(
            (async function* () {
              yield 1;
              yield 2;
            })(),
          ),
        ),
    ],
    ['an RxJS observable', () => of(1, 2)],
    [
      'a ReadableStream',
      () =>
        new ReadableStream({
          start(controller) {
            controller.enqueue(1);
            controller.enqueue(2);
            controller.close();
          },
        }),
    ],
    [
      'an object with a subscribe method',
      () => ({
        subscribe(observer: { next(value: unknown): void; complete(): void }) {
          observer.next(1);
          observer.next(2);
          observer.complete();
          return { unsubscribe() {} };
        },
      }),
    ],
  ])('%s', async (_title, source) => {
    const { ready } = serveField({ subscribe: source as () => unknown });
    const client = await ready();

    subscribe(client, '1', 'subscription { n }');

    expect(await messagesOf(client)).toEqual([next(1), next(2), complete()]);
  });

  it('a source of a Broadcaster', async () => {
    const numbers = new Broadcaster<number>();
    const { ready } = serveField({ subscribe: () => numbers.source((n) => n > 1) });
    const client = await ready();
    subscribe(client, '1', 'subscription { n }');
    await client.rest();

    for (const n of [1, 2, 3]) numbers.publish(n);
    numbers.complete();

    expect(await messagesOf(client)).toEqual([next(2), next(3), complete()]);
    expect(numbers.subscriberCount).toBe(0);
  });
});

describe('an event may be', () => {
  it('a list, which is the value of a list field and no batch', async () => {
    const { ready } = serveField({ subscribe: () => of([1, 2], [3]) }, '[Int]');
    const client = await ready();

    subscribe(client, '1', 'subscription { n }');

    expect(await messagesOf(client)).toEqual([next([1, 2]), next([3]), complete()]);
  });

  it('a function of the context, evaluated when it is delivered', async () => {
    const { ready } = serveField({
      subscribe: () =>
        of((context: { readonly session: object }) => Object.keys(context.session).length),
    });
    const client = await ready();

    subscribe(client, '1', 'subscription { n }');

    expect(await messagesOf(client)).toEqual([next(0), complete()]);
  });

  it('a function that throws, which fails that event alone', async () => {
    const { ready } = serveField({
      subscribe: () =>
        of(() => {
          throw new Error('secret');
        }, 2),
    });
    const client = await ready();

    subscribe(client, '1', 'subscription { n }');

    expect(await messagesOf(client)).toEqual([
      {
        id: '1',
        type: 'next',
        payload: {
          data: { n: null },
          errors: [expect.objectContaining({ message: 'Internal server error', path: ['n'] })],
        },
      },
      next(2),
      complete(),
    ]);
  });
});

describe('a source that misbehaves', () => {
  it('by failing while it is subscribed to leaves its id free', async () => {
    const { ready } = serveField({ subscribe: () => throwError(() => new Error('secret')) });
    const client = await ready();

    subscribe(client, '1', 'subscription { n }');
    expect(await messagesOf(client)).toEqual([masked()]);
    subscribe(client, '1', '{ a }');

    expect((await messagesOf(client)).slice(1)).toEqual([
      { id: '1', type: 'next', payload: { data: { a: null } } },
      complete(),
    ]);
  });

  it('by completing while it is subscribed to leaves its id free', async () => {
    const { ready } = serveField({ subscribe: () => of() });
    const client = await ready();

    subscribe(client, '1', 'subscription { n }');
    await client.rest();
    subscribe(client, '1', 'subscription { n }');

    expect(await messagesOf(client)).toEqual([complete(), complete()]);
  });

  it.each([
    [
      'whose next throws',
      {
        next: () => {
          throw new Error('secret');
        },
      },
    ],
    ['whose next rejects', { next: () => Promise.reject(new Error('secret')) }],
    ['whose next rejects with what is no error', { next: () => Promise.reject('secret') }], // eslint-disable-line prefer-promise-reject-errors -- foreign code may
    ['whose next gives nonsense', { next: () => Promise.resolve(7) }],
    ['without next', {}],
  ])('%s ends its operation and nothing else', async (_title, iterator) => {
    const { ready, server } = serveField({ subscribe: () => iterableOf(iterator) });
    const client = await ready();

    subscribe(client, '1', 'subscription { n }');
    subscribe(client, '2', '{ a }');

    const messages = await messagesOf(client);
    expect(messages).toEqual(
      expect.arrayContaining([
        { id: '2', type: 'next', payload: { data: { a: null } } },
        complete('2'),
        masked(),
      ]),
    );
    expect(messages).toHaveLength(3);
    expect(server.gauges().operations).toBe(0);
  });

  it.each([
    [
      'throws',
      () => {
        throw new Error('x');
      },
    ],
    ['rejects', () => Promise.reject(new Error('x'))],
    ['never settles', () => new Promise(() => {})],
  ])('whose return %s cannot keep an operation', async (_title, leave) => {
    const { ready, server } = serveField({
      subscribe: () => iterableOf({ next: () => new Promise(() => {}), return: leave }),
    });
    const client = await ready();
    subscribe(client, '1', 'subscription { n }');
    await client.rest();

    client.send('{"id":"1","type":"complete"}');

    expect(await messagesOf(client)).toEqual([]);
    expect(server.gauges().operations).toBe(0);
  });

  it('by pushing more than its buffer holds ends with an error that says so', async () => {
    const numbers = new Subject<number>();
    let release: (() => void) | undefined;
    const { ready } = serveField({
      subscribe: () => numbers,
      resolve: (n: number) =>
        n === 0 ? new Promise((resolve) => (release = () => resolve(n))) : n,
    });
    const client = await ready();
    subscribe(client, '1', 'subscription { n }');
    await client.rest();

    for (let n = 0; n < 5_000; n += 1) numbers.next(n);
    await client.rest();
    release?.();

    expect((await messagesOf(client)).at(-1)).toMatchObject({
      type: 'error',
      payload: [{ extensions: { code: 'BUFFER_OVERFLOW' } }],
    });
    expect(numbers.observed).toBe(false);
  });
});

it('a stream resolver that returns no stream is a masked error, and the host program hears of it', async () => {
  const { ready, hidden } = serveField({ subscribe: () => 7 });
  const client = await ready();

  subscribe(client, '1', 'subscription { n }');

  expect(await messagesOf(client)).toEqual([
    {
      id: '1',
      type: 'error',
      payload: [
        {
          message: 'Internal server error',
          locations: [{ line: 1, column: 16 }],
          path: ['n'],
          extensions: { code: 'SUBSCRIBE_FAILED' },
        },
      ],
    },
  ]);
  expect(hidden).toEqual([
    'subscribe: Subscription field "n" must return a source, an async iterable, an observable or a readable stream, but returned a number.',
  ]);
});

it('a stream resolver that never settles learns that its client has gone', async () => {
  const signals: (AbortSignal | undefined)[] = [];
  const never = (
    ...[, , , info]: readonly [
      unknown,
      unknown,
      unknown,
      { getAbortSignal?(): AbortSignal | undefined },
    ]
  ) => {
    signals.push(info.getAbortSignal?.());
    return new Promise(() => {});
  };
  const { ready, server } = serveField({ subscribe: never as () => unknown });
  const client = await ready();
  subscribe(client, '1', 'subscription { n }');
  await client.rest();

  client.send('{"id":"1","type":"complete"}');
  await client.rest();

  expect(signals.map((signal) => signal?.aborted)).toEqual([true]);
  expect(server.gauges().operations).toBe(0);
});

it('an event that never finishes executing holds up its own operation alone', async () => {
  const { ready, server } = serveField({
    subscribe: () => of(1, 2),
    resolve: () => new Promise(() => {}),
  });
  const client = await ready();

  subscribe(client, '1', 'subscription { n }');
  subscribe(client, '2', '{ a }');
  expect(await messagesOf(client)).toHaveLength(2);
  client.send('{"id":"1","type":"complete"}');
  await client.rest();

  expect(server.gauges().operations).toBe(0);
});

it('a result that JSON cannot hold fails that event alone', async () => {
  const conversation = serveField(
    { subscribe: () => of(1n, 2), resolve: (n: unknown) => n },
    'Any',
  );
  const client = await conversation.ready();

  subscribe(client, '1', 'subscription { n }');

  expect(await messagesOf(client)).toEqual([
    {
      id: '1',
      type: 'next',
      payload: {
        data: null,
        errors: [expect.objectContaining({ message: 'Internal server error' })],
      },
    },
    next(2),
    complete(),
  ]);
});
