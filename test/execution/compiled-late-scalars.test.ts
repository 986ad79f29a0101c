import { buildSchema } from 'graphql';
import { describe, expect, it } from 'vitest';

import {
  createCompiledEngine,
  createReferenceEngine,
} from '../../src/execution/reference-engine.ts';
import type { ExecutionEngine } from '../../src/execution/types.ts';
import { countUnhandledRejections } from '../support/unhandled-rejections.ts';
import { prepared } from './accepted.ts';

const unhandled = countUnhandledRejections();

const types = /* GraphQL */ `
  scalar Late
  type Item {
    late: Late
    strict: Late!
    other: Int!
  }
  type Query {
    late: Late
    strict: Late!
    lates: [Late]
    item: Item
    items: [Item!]
    other: Int
  }
`;

/** Values that the scalar writes some microtasks later. */
type Written = (value: unknown) => unknown;

const writers: Readonly<Record<string, Written>> = {
  'its text': async (value) => `${String(value)}!`,
  nothing: async () => null,
  'a failure at once': async (value) => {
    throw new Error(`cannot write ${String(value)}`);
  },
  'a failure': async (value) => {
    await Promise.resolve();
    throw new Error(`cannot write ${String(value)}`);
  },
};

async function ask(engine: ExecutionEngine, written: Written): Promise<string> {
  const schema = buildSchema(types);
  // the method of either version
  Object.assign(schema.getType('Late') ?? {}, { serialize: written, coerceOutputValue: written });
  const query = '{ late strict lates item { late strict } items { strict other } other }';
  const outcome = await engine.execute(prepared(engine.prepare(schema, { query })), {
    context: undefined,
    rootValue: {
      late: 1,
      strict: Promise.resolve(2),
      lates: [3, Promise.resolve(4), null],
      item: Promise.resolve({ late: 5, strict: 6 }),
      items: [
        { strict: 7, other: 8 },
        { strict: 9, other: Promise.reject(new Error('other')) },
      ],
      other: failLater(),
    },
  });
  await new Promise((resolve) => setImmediate(resolve));
  return JSON.stringify(outcome);
}

/** Between what graphql 16 hears of scalars at once, and behind promises. */
async function failLater(): Promise<never> {
  await Promise.resolve();
  throw new Error('other');
}

describe('a scalar that is written later', () => {
  it.each(Object.entries(writers))('as %s is awaited as graphql-js does', async (_, written) => {
    const expected = await ask(createReferenceEngine(), written);
    unhandled.count = 0;
    const actual = await ask(createCompiledEngine(), written);

    expect(actual).toBe(expected);
    expect(unhandled.count).toBe(0);
  });
});
