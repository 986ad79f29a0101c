import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import { buildSchema } from 'graphql';
import { describe, expect, it } from 'vitest';

import { createCompiledEngine } from '../../src/execution/reference-engine.ts';
import { accepted, prepared } from './accepted.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void; // what the flag exposes

const schema = buildSchema(/* GraphQL */ `
  scalar Anything
  type Query {
    item(of: Anything): Item
  }
  type Subscription {
    item(of: Anything): Item
  }
  type Item {
    id: Int
    item: Item
  }
`);

const selection = 'item(of: $of) { id @skip(if: $short) item @include(if: $long) { id } }';
const rootValue = { item: { id: 1, item: { id: 2 } } };

async function* events(): AsyncGenerator {
  yield rootValue;
}

/** A promise that has settled is forgotten when the job that it settled in is over. */
async function isCollected(reference: WeakRef<object>): Promise<boolean> {
  await new Promise((resolve) => setImmediate(resolve));
  collectGarbage();
  return reference.deref() === undefined;
}

describe('a plan', () => {
  const variables = { short: true, long: true };
  const item = { item: { id: 2 } };

  it('keeps nothing of the variables of the query that it was compiled for', async () => {
    const engine = createCompiledEngine();
    const query = `query ($of: Anything, $short: Boolean!, $long: Boolean!) { ${selection} }`;
    const operation = prepared(engine.prepare(schema, { query }));
    const ask = (given: object): unknown =>
      engine.execute(operation, {
        context: undefined,
        rootValue,
        variables: { ...variables, ...given },
      });
    const askOnce = async (): Promise<WeakRef<object>> => {
      const of = { large: 'value' };
      expect(await ask({ of })).toEqual({ kind: 'result', result: { data: { item } } });
      return new WeakRef(of);
    };

    const reference = await askOnce();

    expect(await isCollected(reference)).toBe(true);
    expect(await ask({ of: 1 })).toEqual({ kind: 'result', result: { data: { item } } });
    expect(await ask({ short: false, long: false })).toEqual({
      kind: 'result',
      result: { data: { item: { id: 1 } } },
    });
    expect(engine.counters).toEqual({ compiled: 3, reference: {} });
  });

  it('keeps nothing of those of a subscription', async () => {
    const engine = createCompiledEngine();
    const query = `subscription ($of: Anything, $short: Boolean!, $long: Boolean!) { ${selection} }`;
    const operation = prepared(engine.prepare(schema, { query }));
    const subscribe = async (): Promise<WeakRef<object>> => {
      const of = { large: 'value' };
      const subscription = accepted(
        await engine.subscribe(operation, {
          context: undefined,
          rootValue: { item: events },
          variables: { ...variables, of },
        }),
      );
      expect(await subscription.execute(rootValue)).toEqual({ data: { item } });
      return new WeakRef(of);
    };

    const reference = await subscribe();

    expect(await isCollected(reference)).toBe(true);
    expect(engine.counters).toEqual({ compiled: 1, reference: {} });
  });
});
