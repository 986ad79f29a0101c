import { GraphQLInt, GraphQLNonNull, GraphQLObjectType, GraphQLSchema } from 'graphql';
import { describe, expect, it, vi } from 'vitest';

import { pureInSource } from '../../src/execution/pure.ts';
import {
  createCompiledEngine,
  createReferenceEngine,
} from '../../src/execution/reference-engine.ts';
import type { ExecutionEngine } from '../../src/execution/types.ts';
import { prepared } from './accepted.ts';

const resolve = vi.fn((source: { readonly id: number }) => source.id);

const schema = new GraphQLSchema({
  query: new GraphQLObjectType({
    name: 'Query',
    fields: {
      id: {
        type: GraphQLInt,
        args: { of: { type: new GraphQLNonNull(GraphQLInt) } },
        resolve: pureInSource(resolve),
      },
    },
  }),
});

const query = 'query ($of: Int = 1) { id(of: $of) }';

function ask(engine: ExecutionEngine, variables: Readonly<Record<string, unknown>>) {
  const operation = prepared(engine.prepare(schema, { query }));
  const context = { name: 'context' };
  return engine.execute(operation, { context, rootValue: { id: 7 }, variables });
}

describe('a resolver that looks at its source alone', () => {
  it('is called with that and the context, and with nothing that would have to be made', async () => {
    const engine = createCompiledEngine();
    resolve.mockClear();

    for (const of of [1, 2]) {
      expect(await ask(engine, { of })).toEqual({ kind: 'result', result: { data: { id: 7 } } });
    }

    const call = [{ id: 7 }, undefined, { name: 'context' }];
    expect(resolve.mock.calls).toEqual([call, call]);
  });

  it('is not called where the arguments do not fit, as in graphql-js', async () => {
    resolve.mockClear();

    const answer = await ask(createCompiledEngine(), { of: null });

    expect(answer).toEqual(await ask(createReferenceEngine(), { of: null }));
    expect(answer).toMatchObject({ result: { data: { id: null }, errors: [{ path: ['id'] }] } });
    expect(resolve).not.toHaveBeenCalled();
  });
});
