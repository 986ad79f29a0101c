import { buildSchema } from 'graphql';
import { expect, it } from 'vitest';

import { createCompiledEngine } from '../../src/execution/reference-engine.ts';
import { prepared } from './accepted.ts';

it('what is left to graphql-js is counted by its reason', async () => {
  const schema = buildSchema(`
    directive @defer(if: Boolean! = true, label: String) on FRAGMENT_SPREAD | INLINE_FRAGMENT
    type Query { a: Int }
  `);
  const engine = createCompiledEngine();

  for (const query of ['{ a ... @defer { b: a } }', '{ a }', '{ a }']) {
    const operation = prepared(engine.prepare(schema, { query }));
    await engine.execute(operation, { context: undefined, rootValue: { a: 1 } });
  }

  expect(engine.counters).toEqual({ compiled: 2, reference: { incremental: 1 } });
});
