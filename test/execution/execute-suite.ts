import type * as GraphQL from 'graphql';
import { describe, expect, it, vi } from 'vitest';

import { createReferenceEngine } from '../../src/execution/reference-engine.ts';
import type { ExecutionInput } from '../../src/execution/types.ts';
import { prepared } from './accepted.ts';
import { executableSchema } from './executable-schema.ts';

const definitions = /* GraphQL */ `
  scalar Thrower
  type Query {
    echo(text: String, required: Int! = 1): String
    strict(number: Int!): Int
    throws(value: Thrower): String
    fails: String
    failsHard: String!
    viewer: String
    plain: String
    root: String
    never: String
    node: Node
  }
  interface Node {
    id: ID
  }
  type User implements Node {
    id: ID
  }
  type Mutation {
    add(number: Int!): Int
  }
`;

export function executeSuite(graphql: typeof GraphQL): void {
  let sum = 0;
  const schema = executableSchema(graphql, definitions, {
    Query: {
      echo: (_: unknown, { text }: { readonly text?: string }) => text,
      fails: () => {
        throw new Error('secret');
      },
      failsHard: () =>
        Promise.reject(new graphql.GraphQLError('told', { extensions: { code: 'MINE' } })),
      viewer: (_: unknown, __: unknown, { name }: { readonly name: string }) => name,
      never: () => new Promise(() => {}),
      node: () => ({ id: 7 }),
    },
    Mutation: { add: (_: unknown, { number }: { readonly number: number }) => (sum += number) },
  });

  const run = (
    query: string,
    input: Partial<ExecutionInput> = {},
    engine = createReferenceEngine(),
  ) => {
    const operation = prepared(engine.prepare(schema, { query }));
    return engine.execute(operation, { context: undefined, ...input });
  };

  describe('a query or mutation', () => {
    it('gets the result of graphql', async () => {
      expect(await run('{ a: echo(text: "x") echo }')).toEqual({
        kind: 'result',
        result: { data: { a: 'x', echo: null } },
      });
    });

    it('runs the fields of a mutation one after the other', async () => {
      sum = 0;
      expect(await run('mutation { a: add(number: 1) b: add(number: 2) }')).toEqual({
        kind: 'result',
        result: { data: { a: 1, b: 3 } },
      });
    });

    it('gets context, root value and variables', async () => {
      expect(
        await run('query ($t: String) { viewer root echo(text: $t) }', {
          context: { name: 'Ada' },
          rootValue: { root: () => 'R' },
          variables: { t: 'T' },
        }),
      ).toMatchObject({ result: { data: { viewer: 'Ada', root: 'R', echo: 'T' } } });
    });

    it('uses the resolvers that the engine was given', async () => {
      const engine = createReferenceEngine({
        fieldResolver: (_source, _args, _context, { fieldName }) => `default ${fieldName}`,
        typeResolver: () => 'User',
      });
      expect(await run('{ plain node { __typename id } }', {}, engine)).toMatchObject({
        result: {
          data: { plain: 'default plain', node: { __typename: 'User', id: 'default id' } },
        },
      });
    });

    it('selects the named operation of a document', async () => {
      const engine = createReferenceEngine();
      const query = 'query A { a: echo } query B { b: echo }';
      const operation = prepared(engine.prepare(schema, { query, operationName: 'B' }));
      expect(await engine.execute(operation, { context: undefined })).toEqual({
        kind: 'result',
        result: { data: { b: null } },
      });
    });

    it('keeps the errors of resolvers, their origin and their data', async () => {
      const outcome = await run('{ fails echo(text: "x") }');
      if (outcome.kind !== 'result') throw new Error(outcome.kind);
      const [error] = outcome.result.errors ?? [];
      expect(outcome.result.data).toEqual({ fails: null, echo: 'x' });
      expect(error?.toJSON()).toEqual({
        message: 'secret',
        locations: [{ line: 1, column: 3 }],
        path: ['fails'],
      });
      expect(error?.originalError).toBeInstanceOf(Error);
      expect(await run('{ failsHard }')).toMatchObject({
        result: { data: null, errors: [{ message: 'told', extensions: { code: 'MINE' } }] },
      });
    });

    it.each([
      ['missing', {}],
      ['of the wrong type', { n: 'one' }],
      ['null', { n: null }],
    ])('is refused when a variable is %s', async (_, variables) => {
      expect(await run('query ($n: Int!) { strict(number: $n) }', { variables })).toMatchObject({
        kind: 'refused',
        code: 'BAD_USER_INPUT',
        errors: [
          {
            message: expect.stringContaining('$n'),
            locations: [{ line: 1, column: 8 }],
            extensions: { code: 'BAD_USER_INPUT' },
          },
        ],
      });
    });

    it('is not confused by variables of an earlier request with the same text', async () => {
      const engine = createReferenceEngine();
      const query = 'query ($t: String) { echo(text: $t) }';
      const results = await Promise.all(
        ['a', 'b', undefined].map((t) => run(query, { variables: { t } }, engine)),
      );
      expect(results).toMatchObject(
        ['a', 'b', null].map((echo) => ({ result: { data: { echo } } })),
      );
    });

    it('is refused when graphql throws before it starts', async () => {
      const engine = createReferenceEngine();
      const operation = prepared(engine.prepare(schema, { query: '{ echo }' }));
      const broken = { ...operation, schema: new graphql.GraphQLSchema({}) };
      expect(await engine.execute(broken, { context: undefined })).toMatchObject({
        kind: 'refused',
        code: 'INTERNAL_SERVER_ERROR',
        errors: [{ extensions: { code: 'INTERNAL_SERVER_ERROR' } }],
      });
      expect(await engine.subscribe(broken, { context: undefined })).toMatchObject({
        kind: 'refused',
        code: 'SUBSCRIBE_FAILED',
      });
    });
  });

  describe('aborting a query', () => {
    const aborted = {
      kind: 'result',
      result: {
        data: null,
        errors: [
          expect.objectContaining({
            message: 'The operation was aborted.',
            extensions: { code: 'TERMINATED' },
          }),
        ],
      },
    };

    it('answers for a resolver that never settles', async () => {
      const controller = new AbortController();
      const running = run('{ never }', { signal: controller.signal });
      controller.abort();
      expect(await running).toEqual(aborted);
    });

    it('before it starts runs nothing', async () => {
      sum = 0;
      const signal = AbortSignal.abort();
      expect(await run('mutation { add(number: 1) }', { signal })).toEqual(aborted);
      expect(sum).toBe(0);
    });

    it('that has ended finds no listener left', async () => {
      const { signal } = new AbortController();
      const added = vi.spyOn(signal, 'addEventListener');
      const removed = vi.spyOn(signal, 'removeEventListener');
      await run('{ echo }', { signal });
      expect(removed.mock.calls.length).toBeGreaterThanOrEqual(added.mock.calls.length);
    });
  });
}
