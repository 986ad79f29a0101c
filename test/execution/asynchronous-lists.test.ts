import { buildSchema } from 'graphql';
import { describe, expect, it } from 'vitest';

import { createCompiledEngine } from '../../src/execution/reference-engine.ts';
import { prepared } from './accepted.ts';

/** More than the arguments that one call can have. */
const manyItems = 200_000;

/** Nobody needs to look at it. */
const failed = Promise.reject(new Error('failed'));
failed.catch(() => {});

async function* failingItems(count: number): AsyncGenerator {
  for (let i = 0; i < count; i += 1) yield { id: failed };
}

describe('an asynchronous list', () => {
  it('is null for the first of however many items that fail', async () => {
    const schema = buildSchema('type Query { items: [Item!] } type Item { id: Int! }');
    const engine = createCompiledEngine();
    const operation = prepared(engine.prepare(schema, { query: '{ items { id } }' }));

    const outcome = await engine.execute(operation, {
      context: undefined,
      rootValue: { items: () => failingItems(manyItems) },
    });

    expect(outcome).toMatchObject({
      kind: 'result',
      result: {
        errors: [{ message: 'failed', path: ['items', 0, 'id'] }],
        data: { items: null },
      },
    });
  }, 60_000);
});
