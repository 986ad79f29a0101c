import { buildSchema, GraphQLScalarType, versionInfo } from 'graphql';
import type { GraphQLResolveInfo, GraphQLSchema } from 'graphql';
import { describe, expect, it } from 'vitest';

import {
  createCompiledEngine,
  createReferenceEngine,
} from '../../src/execution/reference-engine.ts';
import { createGuardContext } from '../../src/execution/guard-context.ts';
import type { ExecutionEngine } from '../../src/execution/types.ts';
import { countUnhandledRejections } from '../support/unhandled-rejections.ts';
import { prepared } from './accepted.ts';

/** What was once answered in another way than graphql-js does. */
interface Question {
  readonly types: string;
  readonly query: string;
  readonly variables?: Readonly<Record<string, unknown>>;
  /** Anew for each engine. */
  readonly createRoot: () => unknown;
}

const types = /* GraphQL */ `
  type Item {
    id: Int!
    name: String
    strict: Item!
    loose: Item
    items: [Item]
    strictItems: [Item!]!
  }
  type Query {
    item: Item
    strict: Item!
    items: [Item]
    strictItems: [Item!]
    numbers: [Int]!
    other: Int
  }
  type Mutation {
    items: [Item!]!
    first: Item
    second: [Int!]!
    third: Int
  }
`;

const unhandled = countUnhandledRejections();

/** Nobody needs to look at it. */
function fail(ticks: number, message = 'failed'): Promise<never> {
  const promise = failLater(ticks, message);
  promise.catch(() => {});
  return promise;
}

async function failLater(ticks: number, message: string): Promise<never> {
  for (let i = 0; i < ticks; i += 1) await Promise.resolve();
  throw new Error(message);
}

async function later<Value>(ticks: number, value: Value): Promise<Value> {
  for (let i = 0; i < ticks; i += 1) await Promise.resolve();
  return value;
}

function* failing<Item>(...items: readonly Item[]): Generator<Item> {
  yield* items;
  throw new Error('the list failed');
}

async function* failingLater<Item>(...items: readonly Item[]): AsyncGenerator<Item> {
  yield* items;
  throw new Error('the list failed');
}

const questions: Readonly<Record<string, Question>> = {
  'a directive of the operation that has no argument to go by': {
    types,
    query: 'query ($yes: Boolean = true) { item @include(if: $yes) { id } }',
    variables: { yes: null },
    createRoot: () => ({ item: { id: 1 } }),
  },
  'the same one where a fragment is spread that was spread before': {
    types,
    query:
      'query ($yes: Boolean = true) { item { ...F ...F @include(if: $yes) } } fragment F on Item { id }',
    variables: { yes: null },
    createRoot: () => ({ item: { id: 1 } }),
  },
  'a list that fails after an item that is a promise': {
    types,
    query: '{ items { id strictItems { id } name } other }',
    createRoot: () => ({
      items: later(1, [
        { id: 1, strictItems: failing(fail(0, 'an item')), name: fail(3, 'a name') },
        { id: fail(2, 'an id') },
      ]),
      other: fail(4, 'other'),
    }),
  },
  'an asynchronous list of which items fail before its end': {
    types,
    query: '{ strictItems { id } other }',
    createRoot: () => ({
      strictItems: failingLater({ id: fail(3, 'the first') }, { id: fail(0, 'the second') }),
      other: fail(5, 'other'),
    }),
  },
  'a mutation that fails at once after one that was awaited, and left something behind': {
    types,
    query: 'mutation { first { strict { id } items { name } } second third }',
    createRoot: () => ({
      first: later(1, {
        strict: { id: fail(0, 'an id') },
        items: [later(6, { name: fail(3, 'a name') })],
      }),
      second: () => failing(1),
      third: 3,
    }),
  },
  'objects that failed at once, beside fields that are awaited, in objects of which the same is true':
    {
      types,
      query: '{ items { items { name loose { id } id } loose { id } strict { id } } other }',
      createRoot: () => ({
        items: [
          later(1, {
            items: [{ name: later(2, 'a'), loose: later(3, { id: 1 }), id: null }],
            loose: later(1, { id: later(1, 2) }),
            strict: null,
          }),
          { items: later(1, [{ name: later(4, 'b'), id: 'x' }]), loose: null, strict: undefined },
        ],
        other: fail(12, 'other'),
      }),
    },
  'an object that failed in the remains of another one': {
    types,
    query: '{ strict { id } items { name id } other }',
    createRoot: () => ({
      strict: fail(1, 'the operation'),
      items: later(3, [{ name: later(5, 'a'), id: 'x' }]),
      other: fail(8, 'other'),
    }),
  },
  'objects that are thenables': {
    types,
    query: '{ strict { id strict { id } } items { id } other }',
    createRoot: () => ({
      strict: toThenable(() => later(1, { id: 1, strict: toThenable(() => fail(1, 'strict')) })),
      items: [toThenable(() => later(0, { id: fail(1, 'an id') }))],
      other: fail(5, 'other'),
    }),
  },
};

const wrongNames: readonly string[] = Array.from({ length: 60 }, (_, i) => `n${i}`);

const wrongVariables: Question = {
  types: 'type Query { number(of: [Int]): Int }',
  query: `query (${wrongNames.map((name) => `$${name}: Int`).join()}) { number(of: [${wrongNames.map((name) => `$${name}`).join()}]) }`,
  variables: Object.fromEntries(wrongNames.map((name) => [name, 'no number'])),
  createRoot: () => ({}),
};

function toThenable<Value>(make: () => Promise<Value>): PromiseLike<Value> {
  return {
    // oxlint-disable-next-line unicorn/no-thenable -- what it is about
    then: (onFulfilled, onRejected) => make().then(onFulfilled, onRejected),
  };
}

async function ask(
  engine: ExecutionEngine,
  { types: sdl, query, variables, createRoot }: Question,
) {
  const schema = buildSchema(sdl);
  const outcome = await engine.execute(prepared(engine.prepare(schema, { query })), {
    context: undefined,
    rootValue: createRoot(),
    ...(variables && { variables }),
  });
  await new Promise((resolve) => setImmediate(resolve));
  return JSON.stringify(outcome, undefined, 1);
}

describe('an operation that was compiled is answered to the letter as graphql-js does', () => {
  it.each(Object.entries(questions))('%s', async (_, question) => {
    const compiled = createCompiledEngine();

    const expected = await ask(createReferenceEngine(), question);
    unhandled.count = 0;
    const actual = await ask(compiled, question);

    expect(actual).toBe(expected);
    expect(unhandled.count).toBe(0);
    expect(compiled.counters).toEqual({ compiled: 1, reference: {} });
  });

  it('and not executed with variables that do not fit', async () => {
    const compiled = createCompiledEngine();

    const actual = await ask(compiled, wrongVariables);

    expect(actual).toBe(await ask(createReferenceEngine(), wrongVariables));
    expect(actual).toContain('Too many errors');
    expect(compiled.counters).toEqual({ compiled: 0, reference: {} });
  });

  it('and tells resolvers of its fragments, whatever they are called', async () => {
    const seen: unknown[] = [];
    const engine = createCompiledEngine();
    const schema = buildSchema('type Query { a: Int }');
    const query = '{ ...constructor } fragment constructor on Query { a }';
    const operation = prepared(engine.prepare(schema, { query }));
    const rootValue = {
      a: (_args: unknown, _context: unknown, { fragments }: GraphQLResolveInfo) => {
        seen.push(fragments['constructor'], fragments['toString']);
        return 1;
      },
    };

    await engine.execute(operation, { context: undefined, rootValue });

    expect(seen).toEqual([operation.document.definitions[1], undefined]);
  });

  it('and does not wait for what is in a part that became null', async () => {
    const never = new Promise<never>(() => {});
    const question = {
      types,
      query: '{ item { strict { id } items { items { id } } } }',
      createRoot: () => ({
        item: { strict: fail(0), items: [later(3, { items: [never, later(1, { id: never })] })] },
      }),
    };

    const actual = await ask(createCompiledEngine(), question);

    expect(actual).toContain('"item": null');
  });

  it('and reads its arguments once, though a property may turn out to be a function', async () => {
    const read: unknown[] = [];
    const schema = buildSchema('scalar Seen type Query { a(of: Seen): Int }');
    watch(schema, read);
    const engine = createCompiledEngine();

    const outcome = await engine.execute(
      prepared(engine.prepare(schema, { query: '{ a(of: 5) }' })),
      {
        context: undefined,
        rootValue: { a: ({ of }: { readonly of: number }) => of },
      },
    );

    expect(outcome).toEqual({ kind: 'result', result: { data: { a: 5 } } });
    // once when the document is validated
    expect(read).toEqual([5, 5]);
  });
});

function watch(schema: GraphQLSchema, read: unknown[]): void {
  const type = schema.getType('Seen');
  if (!(type instanceof GraphQLScalarType)) throw new Error('it is one');
  const note = (value: unknown): unknown => {
    read.push(value);
    return value;
  };
  const readers =
    versionInfo.major === 16
      ? { parseLiteral: () => note(5) }
      : { parseLiteral: () => note(5), coerceInputLiteral: () => note(5) };
  Object.assign(type, readers);
}

describe('an event that is executed for many', () => {
  it('is executed by the plan of the operation, which notices functions as before', async () => {
    const schema = buildSchema(
      'type Query { a: Int } type Subscription { a: Item } type Item { b: Int }',
    );
    const engine = createCompiledEngine();
    const operation = prepared(engine.prepare(schema, { query: 'subscription { a { b } }' }));
    const resolved = await engine.resolveSource?.(operation, {
      context: undefined,
      rootValue: { a: silence },
    });
    if (resolved?.kind !== 'resolved') throw new Error('not resolved');
    const guard = createGuardContext();
    const executor = resolved.detach(guard.fieldResolver);

    expect(executor.execute({ a: { b: 1 } }, guard.context)).toEqual({ data: { a: { b: 1 } } });
    expect(guard.wasTouched).toBe(false);
    void executor.execute({ a: { b: () => 1 } }, guard.context);
    expect(guard.wasTouched).toBe(true);
    expect(engine.counters).toEqual({ compiled: 2, reference: {} });
  });
});

async function* silence(): AsyncGenerator<never> {}
