import { buildSchema } from 'graphql';
import { expect, it } from 'vitest';

import { createCompiledEngine } from '../../src/execution/reference-engine.ts';
import { accepted, prepared } from './accepted.ts';

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

it('an event that is left to graphql-js counts as an operation does, and its subscription does not', async () => {
  const schema = buildSchema(`
    directive @experimental_disableErrorPropagation on SUBSCRIPTION
    type Query { a: Int }
    type Subscription { a: Int! }
  `);
  const engine = createCompiledEngine();
  const query = 'subscription @experimental_disableErrorPropagation { a }';
  const operation = prepared(engine.prepare(schema, { query }));
  const started = accepted(
    await engine.subscribe(operation, { context: undefined, rootValue: { a: silence } }),
  );

  expect(engine.counters).toEqual({ compiled: 0, reference: {} });
  expect(started.execute({ a: null })).toMatchObject({ data: { a: null } });
  expect(started.execute({ a: 1 })).toMatchObject({ data: { a: 1 } });
  expect(engine.counters).toEqual({ compiled: 0, reference: { 'error-propagation': 2 } });
  await started.source.close();
});

async function* silence(): AsyncGenerator<never> {}
