import * as graphql from 'graphql';
import { describe, expect, it, vi } from 'vitest';

import { createReferenceEngine } from '../../src/execution/reference-engine.ts';
import type { ExecutionOutcome } from '../../src/execution/types.ts';
import { prepared } from './accepted.ts';
import { executableSchema } from './executable-schema.ts';

const definitions = /* GraphQL */ `
  directive @defer(if: Boolean! = true, label: String) on FRAGMENT_SPREAD | INLINE_FRAGMENT
  directive @stream(if: Boolean! = true, label: String, initialCount: Int! = 0) on FIELD
  type Query {
    fast: Int
    slow: Int
    never: Int
    list: [Int]
    strict(number: Int!): Int
  }
  type Subscription {
    tick: Int
  }
`;

const schema = executableSchema(graphql, definitions, {
  Query: {
    fast: () => 1,
    slow: async () => 2,
    never: () => new Promise(() => {}),
    list: () => [1, 2],
  },
});

const engine = createReferenceEngine();

function run(query: string, signal?: AbortSignal): Promise<ExecutionOutcome> {
  const operation = prepared(engine.prepare(schema, { query }));
  return engine.execute(operation, { context: undefined, ...(signal && { signal }) });
}

async function partsOf(query: string, signal?: AbortSignal) {
  const outcome = await run(query, signal);
  if (outcome.kind !== 'parts') throw new Error(`${outcome.kind} in place of parts`);
  return outcome.parts[Symbol.asyncIterator]();
}

const deferred = '{ fast ... @defer { slow } }';

describe('incremental delivery', () => {
  it.each([
    ['@defer', deferred, true],
    ['@stream', '{ list @stream }', true],
    ['@defer in a fragment', '{ ...F } fragment F on Query { ... @defer { fast } }', true],
    ['neither', '{ fast }', false],
    ['@defer in another operation', '{ fast }', false],
  ])('is announced by a document with %s', (_, query, isIncremental) => {
    expect(prepared(engine.prepare(schema, { query })).isIncremental).toBe(isIncremental);
  });

  it('is announced for the operation that uses it only', () => {
    const query = `query A { fast } query B ${deferred}`;
    const of = (operationName: string) =>
      prepared(engine.prepare(schema, { query, operationName }));
    expect([of('A').isIncremental, of('B').isIncremental]).toEqual([false, true]);
  });

  it('gives the parts in order, the last one marked', async () => {
    const outcome = await run(deferred);
    if (outcome.kind !== 'parts') throw new Error(outcome.kind);
    const parts = [];
    for await (const part of outcome.parts) parts.push(part);
    expect(parts[0]).toMatchObject({ data: { fast: 1 }, hasNext: true });
    expect(parts.at(-1)).toMatchObject({ hasNext: false });
    expect(JSON.stringify(parts)).toContain('"slow":2');
    expect(parts.filter(({ hasNext }) => !hasNext)).toHaveLength(1);
  });

  it('gives one result where nothing is deferred', async () => {
    expect(await run('{ fast }')).toEqual({ kind: 'result', result: { data: { fast: 1 } } });
    expect(await run('{ fast ... @defer(if: false) { slow } }')).toEqual({
      kind: 'result',
      result: { data: { fast: 1, slow: 2 } },
    });
  });

  it('is refused when variables do not fit', async () => {
    const query = 'query ($n: Int!) { fast ... @defer { strict(number: $n) } }';
    expect(await run(query)).toMatchObject({ kind: 'refused', code: 'BAD_USER_INPUT' });
  });

  it('ends when it is left while a part is awaited', async () => {
    const parts = await partsOf('{ fast ... @defer { never } }');
    expect(await parts.next()).toMatchObject({ value: { data: { fast: 1 } } });
    const pending = parts.next();
    expect(await parts.return?.()).toEqual({ done: true, value: undefined });
    expect(await pending).toMatchObject({ done: true });
    expect(await parts.next()).toMatchObject({ done: true });
  });

  it('ends when it is left before it began', async () => {
    const parts = await partsOf(deferred);
    await parts.return?.();
    expect(await parts.next()).toMatchObject({ done: true });
  });

  it('ends when the execution is aborted', async () => {
    const controller = new AbortController();
    const parts = await partsOf('{ fast ... @defer { never } }', controller.signal);
    await parts.next();
    const pending = parts.next();
    controller.abort();
    expect(await pending).toEqual({ done: true, value: undefined });
  });

  it('is not offered for subscriptions', () => {
    const query = 'subscription { ... @defer { tick } }';
    expect(engine.prepare(schema, { query })).toMatchObject({
      kind: 'refused',
      code: 'GRAPHQL_VALIDATION_FAILED',
    });
  });

  it('leaves the events of subscriptions of such a schema alone', async () => {
    const operation = prepared(engine.prepare(schema, { query: 'subscription { tick }' }));
    const subscribed = await engine.subscribe(operation, {
      context: undefined,
      rootValue: { tick: async function* () {} },
    });
    if (subscribed.kind === 'refused') throw subscribed.errors[0] ?? new Error('refused');
    expect(await subscribed.execute(1)).toEqual({ data: { tick: 1 } });
  });

  it('does not exist with graphql 16, where the directives are refused', async () => {
    vi.resetModules();
    vi.doMock('graphql', () => import('graphql-16'));
    const graphql16 = await import('graphql');
    const { createReferenceEngine: createEngine } =
      await import('../../src/execution/reference-engine.ts');
    const old = executableSchema(graphql16, definitions, {
      Query: { fast: () => 1, slow: () => 2 },
    });
    const oldEngine = createEngine();
    expect(oldEngine.prepare(old, { query: deferred })).toMatchObject({
      kind: 'refused',
      code: 'GRAPHQL_VALIDATION_FAILED',
      errors: [{ message: 'Directive "@defer" needs graphql 17 on the server.' }],
    });
    const operation = prepared(oldEngine.prepare(old, { query: '{ fast slow }' }));
    expect(await oldEngine.execute(operation, { context: undefined })).toEqual({
      kind: 'result',
      result: { data: { fast: 1, slow: 2 } },
    });
    vi.doUnmock('graphql');
  });
});
