import { buildSchema, versionInfo } from 'graphql';
import { describe, expect, it } from 'vitest';

import { createCompiledEngine } from '../../src/execution/reference-engine.ts';
import { countWork } from '../support/count-work.ts';
import { prepared } from './accepted.ts';

/** Operations whose parts fail, by how many there are. */
interface Load {
  readonly query: string;
  readonly createRoot: (parts: number) => unknown;
}

const schema = buildSchema(/* GraphQL */ `
  type Query {
    items: [Item]
    strictItems: [Item!]
  }
  type Item {
    id: Int!
    name: String
    strict: Item!
    items: [Item!]!
  }
`);

async function fail(): Promise<never> {
  throw new Error('failed');
}

async function later<Value>(ticks: number, value: Value): Promise<Value> {
  for (let i = 0; i < ticks; i += 1) await Promise.resolve();
  return value;
}

const items = (parts: number, create: () => unknown): readonly unknown[] =>
  Array.from({ length: parts }, create);

async function* itemsLater(parts: number, create: () => unknown): AsyncGenerator {
  yield* items(parts, create);
}

/** Objects around an object. */
function nest(depth: number, innermost: unknown): unknown {
  let value = innermost;
  for (let i = 0; i < depth; i += 1) value = { strict: value };
  return value;
}

const loads: Readonly<Record<string, Load>> = {
  'items of which a promise is rejected': {
    query: '{ items { id } }',
    createRoot: (parts) => ({ items: items(parts, () => ({ id: fail })) }),
  },
  'items of which one is rejected while others are awaited': {
    query: '{ items { id name } }',
    createRoot: (parts) => ({
      items: items(parts, () => ({ id: fail, name: () => later(20, 'a') })),
    }),
  },
  'items that fail at once beside what is awaited': {
    query: '{ items { name id } }',
    createRoot: (parts) => ({
      items: items(parts, () => ({ name: () => later(3, 'a'), id: null })),
    }),
  },
  'lists in a list of which an item fails': {
    query: '{ items { items { id } } }',
    createRoot: (parts) => ({
      items: items(parts, () => ({ items: [{ id: fail }, { id: () => later(9, 1) }] })),
    }),
  },
  'a list of which all items fail': {
    query: '{ strictItems { id name } }',
    createRoot: (parts) => ({
      strictItems: items(parts, () => ({ id: fail, name: () => later(9, 'a') })),
    }),
  },
  'objects that fail through those around them': {
    query: '{ items { strict { strict { strict { strict { id } } } } } }',
    createRoot: (parts) => ({ items: items(parts, () => nest(4, { id: () => fail() })) }),
  },
  'an operation that succeeds': {
    query: '{ items { id name } }',
    createRoot: (parts) => ({ items: items(parts, () => ({ id: () => later(2, 1), name: 'a' })) }),
  },
};

/** graphql 16 has none. */
const asyncLoads: Readonly<Record<string, Load>> = {
  'an asynchronous list of which items fail': {
    query: '{ items { id } }',
    createRoot: (parts) => ({ items: () => itemsLater(parts, () => ({ id: fail })) }),
  },
  'an asynchronous list that cannot be for its items': {
    query: '{ strictItems { id } }',
    createRoot: (parts) => ({ strictItems: () => itemsLater(parts, () => ({ id: fail })) }),
  },
};

async function workOf({ query, createRoot }: Load, parts: number): Promise<number> {
  const engine = createCompiledEngine();
  const operation = prepared(engine.prepare(schema, { query }));
  const rootValue = createRoot(parts);
  return countWork('src/execution/', () =>
    Promise.resolve(engine.execute(operation, { context: undefined, rootValue })),
  );
}

describe('the work of a plan grows no faster than', () => {
  const possible = versionInfo.major === 16 ? loads : { ...loads, ...asyncLoads };

  it.each(Object.entries(possible))('%s', async (_, load) => {
    const some = await workOf(load, 500);
    const many = await workOf(load, 2_000);

    expect(some).toBeGreaterThan(2_000);
    expect(many / some).toBeLessThan(4.5);
  });
});
