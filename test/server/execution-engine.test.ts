import { buildSchema } from 'graphql';
import { createCompiledEngine, createServer } from 'millrace/server';
import { describe, expect, it } from 'vitest';

import type { ExecutionEngine } from '../../src/execution/index.ts';
import { UsageError } from '../../src/errors.ts';
import type { ServerOptions } from '../../src/server/options.ts';

const schema = buildSchema('type Query { a: Int } type Subscription { a: Int }');

async function executionsWith(engine: ServerOptions['engine']): Promise<unknown> {
  const server = createServer({ schema, ...(engine && { engine }) });
  await server.execute({ query: '{ a }' }, { context: {} });
  return server.counters().executions;
}

describe('the engine of a server', () => {
  it('is compiled unless something else is asked for', async () => {
    expect(await executionsWith(undefined)).toEqual({ compiled: 1, reference: {} });
    expect(await executionsWith('compiled')).toEqual({ compiled: 1, reference: {} });
  });

  it('is graphql-js alone where that is asked for, and then nothing is counted', async () => {
    expect(await executionsWith('reference')).toEqual({ compiled: 0, reference: {} });
  });

  it('is one that was made elsewhere, which counts for all of its servers', async () => {
    const engine = createCompiledEngine({ fieldResolver: () => 1 });

    expect(await executionsWith(engine)).toEqual({ compiled: 1, reference: {} });
    expect(await executionsWith(engine)).toEqual({ compiled: 2, reference: {} });
  });

  it('may find the documents that clients name', async () => {
    const compiled = createCompiledEngine({ fieldResolver: () => 1 });
    const engine: ExecutionEngine = {
      findsDocuments: true,
      prepare: (itsSchema, request) =>
        compiled.prepare(itsSchema, { ...request, query: String(request.extensions?.['named']) }),
      execute: (...args) => compiled.execute(...args),
      subscribe: (...args) => compiled.subscribe(...args),
    };
    const server = createServer({ schema, engine });
    const extensions = { named: '{ a }', persistedQuery: 'of no convention' };

    expect(await server.execute({ query: '', extensions }, { context: {} })).toEqual({
      data: { a: 1 },
    });
  });

  it.each([
    ['trustedDocuments', { trustedDocuments: { documents: new Map() } }],
    ['persistedQueries', { persistedQueries: {} }],
  ])('does not find documents beside `%s`, which nobody would ask', (_, options) => {
    const engine = { ...createCompiledEngine(), findsDocuments: true } as ExecutionEngine;

    expect(() => createServer({ schema, engine, ...options })).toThrow(UsageError);
  });

  it('is not anything else', () => {
    // what a program without types may pass
    const engine = 'jit' as 'compiled';

    expect(() => createServer({ schema, engine })).toThrow(UsageError);
  });
});
