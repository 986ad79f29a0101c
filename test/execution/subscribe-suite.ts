import type * as GraphQL from 'graphql';
import { createMemoryBroker } from 'millrace/broker/memory';
import { from, Observable } from 'rxjs';
import { describe, expect, it, vi } from 'vitest';

import { createReferenceEngine } from '../../src/execution/reference-engine.ts';
import type { ReferenceEngineOptions } from '../../src/execution/reference-engine.ts';
import type { ExecutionInput, StartedSubscription } from '../../src/execution/types.ts';
import { accepted, collectResults, prepared } from './accepted.ts';
import { executableSchema } from './executable-schema.ts';

const definitions = /* GraphQL */ `
  type Message {
    text: String!
    shout: String
  }
  type Query {
    noop: Int
  }
  type Subscription {
    number: Int
    numberHard: Int!
    numbers: [Int]
    message(room: String, strict: Int! = 1): Message
    resolved(by: Int): Int
  }
`;

type Context = { readonly name: string };

async function* generate<Event>(...events: readonly Event[]): AsyncGenerator<Event> {
  yield* events;
}

/** The source of a topic to which `events` were published since. */
async function publishedSource(events: readonly unknown[]) {
  const topic = createMemoryBroker().topic<unknown>('t');
  const source = topic.source();
  for (const event of events) await topic.publish(event);
  return source;
}

function readable(events: readonly unknown[]): ReadableStream<unknown> {
  return new ReadableStream({
    start(controller) {
      for (const event of events) controller.enqueue(event);
      controller.close();
    },
  });
}

function nameLength({ name }: Context): number {
  return name.length;
}

function failLate(): never {
  throw new Error('late');
}

const aborted = {
  kind: 'refused',
  code: 'TERMINATED',
  errors: [{ message: 'The operation was aborted.', extensions: { code: 'TERMINATED' } }],
};

/** A promise that the test settles. */
function deferred<Value>(): {
  readonly promise: Promise<Value>;
  readonly resolve: (value: Value) => void;
} {
  let settle: ((value: Value) => void) | undefined;
  const promise = new Promise<Value>((resolve) => {
    settle = resolve;
  });
  return { promise, resolve: (value) => settle?.(value) };
}

export function subscribeSuite(graphql: typeof GraphQL): void {
  const { GraphQLError } = graphql;

  /** A schema whose subscription fields all return `stream()`. */
  const schemaOf = (stream: (...parameters: never[]) => unknown) =>
    executableSchema(graphql, definitions, {
      Message: { shout: ({ text }: { readonly text: string }) => text.toUpperCase() },
      Subscription: {
        number: { subscribe: stream },
        numberHard: { subscribe: stream },
        numbers: { subscribe: stream },
        message: { subscribe: stream },
        resolved: {
          subscribe: stream,
          resolve: (event: unknown, { by = 1 }: { readonly by?: number }) => {
            if (typeof event !== 'number') throw new Error(`cannot multiply ${typeof event}`);
            return event * by;
          },
        },
      },
    });

  interface SubscribeOptions extends Partial<ExecutionInput> {
    readonly engine?: ReferenceEngineOptions;
  }

  const subscribe = (
    stream: (...parameters: never[]) => unknown,
    query: string,
    { engine: options, ...input }: SubscribeOptions = {},
  ) => {
    const engine = createReferenceEngine(options);
    const operation = prepared(engine.prepare(schemaOf(stream), { query }));
    return engine.subscribe(operation, { context: { name: 'operation' }, ...input });
  };

  const start = async (...parameters: Parameters<typeof subscribe>): Promise<StartedSubscription> =>
    accepted(await subscribe(...parameters));

  const refusalOf = async (...parameters: Parameters<typeof subscribe>) => {
    const outcome = await subscribe(...parameters);
    if (outcome.kind !== 'refused') throw new Error('was not refused');
    const [error] = outcome.errors;
    if (error === undefined || outcome.errors.length > 1) throw new Error('not one error');
    return { code: outcome.code, error, json: error.toJSON() };
  };

  const results = async (events: readonly unknown[], query: string) =>
    collectResults(await start(() => generate(...events), query));
  /** Events of a topic, which never ends. */
  const topicResults = async (events: readonly unknown[], query: string) => {
    const started = await start(() => publishedSource(events), query);
    const collected: unknown[] = [];
    for (const _ of events) {
      const item = await started.source.read();
      if (item?.kind !== 'event') throw new Error('no event');
      collected.push(await started.execute(item.event));
    }
    await started.source.close();
    return collected;
  };

  describe('a subscription', () => {
    it.each([
      ['an async iterable', () => generate(1, 2)],
      ['a promise of one', () => Promise.resolve(generate(1, 2))],
      ['an observable', () => from([1, 2])],
      ['a promise of an observable', async () => from([1, 2])],
      [
        'an object with a subscribe method',
        () => ({ subscribe: (observer: never) => from([1, 2]).subscribe(observer) }),
      ],
      ['a readable stream', () => readable([1, 2])],
    ])('delivers the events of %s', async (_, stream) => {
      const started = await start(stream, 'subscription { number }');
      expect(started.field).toBe('number');
      expect(await collectResults(started)).toEqual([
        { data: { number: 1 } },
        { data: { number: 2 } },
      ]);
    });

    it('delivers the events of a Millrace source that were published after it started', async () => {
      const topic = createMemoryBroker().topic<number>('numbers');
      const started = await start(() => topic.source(), 'subscription { number }');
      expect(started.pace).toBe('live');
      await topic.publish(1);
      const item = await started.source.read();
      expect(item).toMatchObject({
        kind: 'event',
        event: 1,
        position: { epoch: expect.any(String) },
      });
      expect(await started.execute(1)).toEqual({ data: { number: 1 } });
      await started.source.close();
    });

    it('keeps the pace of its stream', async () => {
      expect((await start(() => generate(1), 'subscription { number }')).pace).toBe('pull');
    });

    it('passes root value, arguments, context and info to its stream resolver', async () => {
      const resolver = vi.fn(() => generate(1));
      const { signal } = new AbortController();
      await start(
        resolver,
        'subscription S($room: String) { alias: message(room: $room) { ...F } ...G } fragment F on Message { text } fragment G on Subscription { alias: message(room: $room) { shout } }',
        { rootValue: 'root', variables: { room: 'r' }, signal },
      );
      expect(resolver).toHaveBeenCalledOnce();
      const [root, args, context, info] = (resolver.mock.calls as unknown[])[0] as [
        unknown,
        unknown,
        unknown,
        GraphQL.GraphQLResolveInfo,
      ];
      expect(root).toBe('root');
      expect(args).toEqual({ room: 'r', strict: 1 });
      expect(context).toEqual({ name: 'operation' });
      expect(info).toMatchObject({
        fieldName: 'message',
        path: { key: 'alias', prev: undefined, typename: 'Subscription' },
        rootValue: 'root',
        parentType: { name: 'Subscription' },
        returnType: { name: 'Message' },
        fragments: { F: { kind: 'FragmentDefinition' }, G: {} },
        operation: { operation: 'subscription', name: { value: 'S' } },
      });
      expect(info.fieldNodes).toHaveLength(2);
      expect(info.getAbortSignal()).toBe(signal);
      const { promiseAll, track } = info.getAsyncHelpers();
      expect(await promiseAll([1, Promise.resolve(2)])).toEqual([1, 2]);
      track([Promise.reject(new Error('has an owner'))]);
    });

    it('gives the resolver the variables as graphql itself does', async () => {
      const seen: unknown[] = [];
      const resolver = (
        _: unknown,
        __: unknown,
        ___: unknown,
        info: GraphQL.GraphQLResolveInfo,
      ) => {
        seen.push(JSON.parse(JSON.stringify(info.variableValues)));
        return generate(1);
      };
      const query = 'subscription ($room: String = "lobby") { message(room: $room) { text } }';
      await start(resolver, query);
      const document = graphql.parse(query);
      await graphql.subscribe({ schema: schemaOf(resolver), document });
      expect(seen[0]).toEqual(seen[1]);
    });

    it('falls back to the subscribeFieldResolver, then to the root value', async () => {
      const schema = graphql.buildSchema(definitions);
      const startOn = async (options: ReferenceEngineOptions) => {
        const engine = createReferenceEngine(options);
        const operation = prepared(engine.prepare(schema, { query: 'subscription { number }' }));
        const rootValue = { number: () => generate(1) };
        return accepted(await engine.subscribe(operation, { context: undefined, rootValue }));
      };
      const given = await startOn({ subscribeFieldResolver: () => generate(2) });
      expect(await collectResults(given)).toEqual([{ data: { number: 2 } }]);
      expect(await collectResults(await startOn({}))).toEqual([{ data: { number: 1 } }]);
    });

    it('shares no variables with another of the same text', async () => {
      const engine = createReferenceEngine();
      const schema = schemaOf(() => generate(1));
      const startWith = async (by: number) => {
        const query = 'subscription ($by: Int) { resolved(by: $by) }';
        const operation = prepared(engine.prepare(schema, { query }));
        const input = { context: undefined, variables: { by } };
        return accepted(await engine.subscribe(operation, input));
      };
      const [two, three] = [await startWith(2), await startWith(3)];
      expect(await two.execute(10)).toEqual({ data: { resolved: 20 } });
      expect(await three.execute(10)).toEqual({ data: { resolved: 30 } });
      expect(await two.execute(1)).toEqual({ data: { resolved: 2 } });
    });
  });

  describe('a subscription is refused', () => {
    it.each([
      [
        'throws',
        () => {
          throw new Error('secret');
        },
      ],
      ['rejects', () => Promise.reject(new Error('secret'))],
      ['returns an error', () => new Error('secret')],
    ])('when its resolver %s, with the place and the origin', async (_, resolver) => {
      const { code, error, json } = await refusalOf(resolver, 'subscription { alias: number }');
      expect(code).toBe('SUBSCRIBE_FAILED');
      expect(json).toEqual({
        message: 'secret',
        locations: [{ line: 1, column: 16 }],
        path: ['alias'],
        extensions: { code: 'SUBSCRIBE_FAILED' },
      });
      expect(error.originalError).toMatchObject({ message: 'secret' });
    });

    it('with the code and extensions of a GraphQLError', async () => {
      const thrown = new GraphQLError('no such room', { extensions: { code: 'NO_ROOM', room: 7 } });
      const { code, error, json } = await refusalOf(() => {
        throw thrown;
      }, 'subscription { number }');
      expect(code).toBe('SUBSCRIBE_FAILED');
      expect(json).toMatchObject({
        message: 'no such room',
        path: ['number'],
        extensions: { code: 'NO_ROOM', room: 7 },
      });
      expect(error.originalError ?? thrown).toBe(thrown);
    });

    it('when the resolver throws what is no error', async () => {
      const { json } = await refusalOf(() => Promise.reject('text'), 'subscription { number }'); // oxlint-disable-line typescript/prefer-promise-reject-errors -- users do
      expect(json).toMatchObject({ path: ['number'], extensions: { code: 'SUBSCRIBE_FAILED' } });
    });

    it.each([
      ['undefined', undefined, 'undefined'],
      ['null', null, 'null'],
      ['a number', 7, 'a number'],
      ['a string', 'secret', 'a string'],
      ['an array', [1, 2], 'an array'],
      ['a function', () => 1, 'a function'],
      ['an object', { secret: 1 }, 'an object that is none of these'],
    ])('when its resolver returns %s', async (_, value, description) => {
      const { code, error, json } = await refusalOf(() => value, 'subscription { number }');
      expect(code).toBe('SUBSCRIBE_FAILED');
      expect(json.path).toEqual(['number']);
      expect(error.message).toBe(
        `Subscription field "number" must return a source, an async iterable, an observable or a readable stream, but returned ${description}.`,
      );
    });

    it('when its source cannot be opened', async () => {
      const broken = {
        [Symbol.asyncIterator]: () => {
          throw new Error('no broker');
        },
      };
      const { code, json } = await refusalOf(() => broken, 'subscription { number }');
      expect(code).toBe('SUBSCRIBE_FAILED');
      expect(json).toMatchObject({ message: 'no broker', path: ['number'] });
    });

    it('when its variables do not fit, before anything runs', async () => {
      const resolver = vi.fn(() => generate(1));
      const query = 'subscription ($n: Int!) { message(strict: $n) { text } }';
      const { code, json } = await refusalOf(resolver, query, { variables: { n: 'x' } });
      expect(code).toBe('BAD_USER_INPUT');
      expect(json).toMatchObject({
        message: expect.stringContaining('$n'),
        extensions: { code: 'BAD_USER_INPUT' },
      });
      expect(resolver).not.toHaveBeenCalled();
    });

    it('when an argument cannot be coerced', async () => {
      const query = 'subscription ($n: Int) { message(strict: $n) { text } }';
      const { json } = await refusalOf(() => generate(1), query, { variables: { n: null } });
      expect(json).toMatchObject({ path: ['message'], extensions: { code: 'BAD_USER_INPUT' } });
    });
  });

  describe('an event', () => {
    it('of a foreign stream that is an object is looked into', async () => {
      expect(
        await results([{ number: 1 }, {}, { number: () => 3 }], 'subscription { number }'),
      ).toEqual([{ data: { number: 1 } }, { data: { number: null } }, { data: { number: 3 } }]);
    });

    it('of a foreign stream that is a primitive is the value of the field', async () => {
      expect(await results([1, null], 'subscription { number }')).toEqual([
        { data: { number: 1 } },
        { data: { number: null } },
      ]);
    });

    it('of a Millrace source is the value of the field', async () => {
      const messages = [{ text: 'a' }, { text: 'b', message: 'not looked into' }, null];
      expect(await topicResults(messages, 'subscription { message { text shout } }')).toEqual([
        { data: { message: { text: 'a', shout: 'A' } } },
        { data: { message: { text: 'b', shout: 'B' } } },
        { data: { message: null } },
      ]);
    });

    it('that is a list is one event for a field that is a list', async () => {
      const lists = [[1, 2], [], [3]];
      const expected = lists.map((numbers) => ({ data: { numbers } }));
      expect(await results(lists, 'subscription { numbers }')).toEqual(expected);
      expect(await topicResults(lists, 'subscription { numbers }')).toEqual(expected);
    });

    it('that is a list is no batch for a field that is none', async () => {
      const [result] = await results([[1, 2]], 'subscription { number }');
      expect(result).toMatchObject({ data: { number: null }, errors: [{ path: ['number'] }] });
    });

    it('is the first argument of the resolve function of its field', async () => {
      expect(await results([1, 2], 'subscription { resolved(by: 10) }')).toEqual([
        { data: { resolved: 10 } },
        { data: { resolved: 20 } },
      ]);
    });

    it.each([
      ['without resolve', 'subscription { value: number }'],
      ['with resolve', 'subscription { value: resolved }'],
    ])('that is a function gets the context of the event in a field %s', async (_, query) => {
      for (const given of [nameLength, async (context: Context) => nameLength(context)]) {
        const started = await start(() => generate(), query);
        expect(await started.execute(given)).toEqual({ data: { value: 'operation'.length } });
        expect(await started.execute(given, { name: 'event' })).toEqual({ data: { value: 5 } });
      }
    });

    it.each([
      ['without resolve', 'subscription { value: number }'],
      ['with resolve', 'subscription { value: resolved }'],
    ])('that is a function may fail in a field %s', async (_, query) => {
      for (const event of [failLate, async () => failLate()]) {
        const started = await start(() => generate(), query);
        expect(await started.execute(event)).toMatchObject({
          data: { value: null },
          errors: [{ message: 'late', path: ['value'], locations: [{ line: 1, column: 16 }] }],
        });
      }
    });

    it('that fails leaves the next ones alone, and its error unmasked', async () => {
      const [first, second, third] = await results([1, 'x', 3], 'subscription { resolved }');
      expect([first, third]).toEqual([{ data: { resolved: 1 } }, { data: { resolved: 3 } }]);
      expect(second).toMatchObject({
        data: { resolved: null },
        errors: [{ message: 'cannot multiply string', originalError: expect.any(Error) }],
      });
    });

    it('that a filter failed on is reported in its place, and the next one is fine', async () => {
      const broker = createMemoryBroker();
      const topic = broker.topic<number>('t');
      const picky = topic.source().filter((event) => {
        if (event === 2) throw new Error('picky');
        return true;
      });
      const started = await start(() => picky, 'subscription { number }');
      await topic.publishMany([1, 2, 3]);
      const kinds = [];
      for (let index = 0; index < 3; index += 1) kinds.push((await started.source.read())?.kind);
      expect(kinds).toEqual(['event', 'event-error', 'event']);
      await started.source.close();
    });

    it('that is reported as failed makes a nullable field null', async () => {
      const started = await start(() => generate(), 'subscription { alias: number }');
      const cause = new Error('lost');
      const result = started.failEvent(cause);
      expect(result.data).toEqual({ alias: null });
      expect(result.errors?.map((error) => error.toJSON())).toEqual([
        { message: 'lost', locations: [{ line: 1, column: 16 }], path: ['alias'] },
      ]);
      expect(result.errors?.[0]?.originalError).toBe(cause);
    });

    it('that is reported as failed makes the data null where the field must not be', async () => {
      const started = await start(() => generate(), 'subscription { numberHard }');
      expect(started.failEvent('not an error')).toMatchObject({
        data: null,
        errors: [{ path: ['numberHard'] }],
      });
    });

    it('of any kind is answered, never thrown', async () => {
      const started = await start(() => generate(), 'subscription { message { text } }');
      const poisoned = new Proxy(
        {},
        {
          get: () => {
            throw new Error('poisoned');
          },
        },
      );
      for (const event of [poisoned, Symbol('s'), 1n, Object.create(null)]) {
        expect(await started.execute(event)).toHaveProperty('data');
      }
    });
  });

  describe('aborting a subscription', () => {
    it('before it starts calls no resolver', async () => {
      const resolver = vi.fn(() => generate(1));
      expect(
        await subscribe(resolver, 'subscription { number }', { signal: AbortSignal.abort() }),
      ).toMatchObject(aborted);
      expect(resolver).not.toHaveBeenCalled();
    });

    it('answers for a resolver that never settles', async () => {
      const controller = new AbortController();
      const running = subscribe(() => new Promise(() => {}), 'subscription { number }', {
        signal: controller.signal,
      });
      controller.abort();
      expect(await running).toMatchObject(aborted);
    });

    it('leaves the stream that its resolver returns later', async () => {
      const controller = new AbortController();
      const { promise, resolve } = deferred<unknown>();
      const left = deferred<void>();
      const running = subscribe(() => promise, 'subscription { number }', {
        signal: controller.signal,
      });
      controller.abort();
      expect(await running).toMatchObject(aborted);
      resolve(new Observable(() => () => left.resolve()));
      await left.promise;
    });

    it('closes the reader of a source that opens later', async () => {
      const controller = new AbortController();
      const opening = deferred<unknown>();
      const closed = deferred<void>();
      const source = createMemoryBroker().topic('t').source();
      const open = vi
        .spyOn(source, 'open')
        .mockReturnValue(opening.promise as ReturnType<typeof source.open>);
      const running = subscribe(() => source, 'subscription { number }', {
        signal: controller.signal,
      });
      await vi.waitFor(() => expect(open).toHaveBeenCalled());
      controller.abort();
      expect(await running).toMatchObject(aborted);
      opening.resolve({ close: () => closed.resolve() });
      await closed.promise;
    });

    it('answers for an event whose resolver never settles', async () => {
      const controller = new AbortController();
      const started = await start(() => generate(), 'subscription { number }', {
        signal: controller.signal,
      });
      const running = started.execute(() => new Promise(() => {}));
      controller.abort();
      expect(await running).toMatchObject({
        data: { number: null },
        errors: [{ message: 'The operation was aborted.', path: ['number'] }],
      });
    });
  });
}
