import { buildSchema, versionInfo } from 'graphql';
import { describe, expect, it } from 'vitest';

import {
  createCompiledEngine,
  createReferenceEngine,
} from '../../src/execution/reference-engine.ts';
import type { ExecutionEngine } from '../../src/execution/types.ts';
import { HastyPromise } from '../support/hasty-promise.ts';
import { countUnhandledRejections } from '../support/unhandled-rejections.ts';
import { prepared } from './accepted.ts';

const schema = buildSchema(/* GraphQL */ `
  scalar Late
  interface Named {
    name: String
  }
  type Item implements Named {
    name: String
    id: Int!
    item: Item
  }
  type Query {
    late: Late
    number: Int
    other: Int
    items: [Item]
    named: [Named]
  }
  type Mutation {
    items: [Item]
    other: Int
  }
`);

interface Wrapped {
  readonly written: unknown;
}

const { Late, Named } = schema.getTypeMap();
const write = ({ written }: Wrapped): unknown => written;
// the method of either version
Object.assign(Late ?? {}, { serialize: write, coerceOutputValue: write });
Object.assign(Named ?? {}, { resolveType: ({ kind }: { readonly kind: unknown }) => kind });

const unhandled = countUnhandledRejections();

interface Question {
  readonly query: string;
  /** `late` is settled by a function of it. */
  readonly createRoot: (late: HastyPromise) => unknown;
}

/** The first one is awaited until the second one is executed, of which something is wrong then. */
const pair = (late: HastyPromise): readonly unknown[] => [
  late,
  { name: () => late.resolve({ name: 'first', id: 1 }), id: null },
];

const namedPair = (late: HastyPromise): readonly unknown[] => [
  { kind: late, name: 'first', id: 1 },
  { kind: 'Item', name: () => late.resolve('Item'), id: null },
];

/** After all that is awaited beside it. */
function later(value: unknown): Promise<unknown> {
  return new Promise((resolve) => setImmediate(resolve, value));
}

async function* eachOf(items: readonly unknown[]): AsyncGenerator {
  yield* items;
}

const questions: Readonly<Record<string, Question>> = {
  'the last one that was awaited so far': {
    query: '{ number items { id } other }',
    createRoot: (late) => ({
      number: late,
      items: () => {
        late.resolve(1);
        return [];
      },
      other: later(2),
    }),
  },
  'an item of the list that is read': {
    query: '{ items { name id } }',
    createRoot: (late) => ({ items: pair(late) }),
  },
  'an item of the list that is read behind a promise': {
    query: '{ items { name id } }',
    createRoot: (late) => ({ items: Promise.resolve(pair(late)) }),
  },
  'an item of the list of a mutation': {
    query: 'mutation { items { name id } other }',
    createRoot: (late) => ({ items: pair(late), other: 1 }),
  },
  'a field of the item before': {
    query: '{ items { item { id } id } }',
    createRoot: (late) => ({
      items: [
        { item: late, id: 1 },
        {
          item: () => {
            late.resolve({ id: 2 });
            return { id: null };
          },
          id: 3,
        },
      ],
    }),
  },
  'the type of an item': {
    query: '{ named { name ... on Item { id } } }',
    createRoot: (late) => ({ named: namedPair(late) }),
  },
  'the type of an item of an asynchronous list': {
    query: '{ named { name ... on Item { id } } }',
    createRoot: (late) => ({ named: eachOf(namedPair(late)) }),
  },
};

/** graphql 17 awaits nothing but promises of a scalar. */
const questionsTo16: Readonly<Record<string, Question>> = {
  'what a scalar could not write': {
    query: '{ late items { id } other }',
    createRoot: (late) => ({
      late: { written: late },
      items: () => {
        late.reject(new Error('cannot be written'));
        return [];
      },
      other: later(2),
    }),
  },
};

async function ask(engine: ExecutionEngine, { query, createRoot }: Question): Promise<string> {
  const operation = prepared(engine.prepare(schema, { query }));
  const rootValue = createRoot(new HastyPromise());
  return JSON.stringify(await engine.execute(operation, { context: undefined, rootValue }));
}

describe('a thenable that calls back while something else is executed', () => {
  const possible = versionInfo.major === 16 ? { ...questions, ...questionsTo16 } : questions;

  it.each(Object.entries(possible))('may be %s', async (_, question) => {
    const compiled = createCompiledEngine();

    const expected = await ask(createReferenceEngine(), question);
    unhandled.count = 0;
    const actual = await ask(compiled, question);

    expect(actual).toBe(expected);
    expect(unhandled.count).toBe(0);
    expect(compiled.counters.reference).toEqual({});
  });
});
