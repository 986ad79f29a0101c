import type * as GraphQL from 'graphql';
import { describe, expect, it } from 'vitest';

import { createReferenceEngine } from '../../src/execution/reference-engine.ts';
import { accepted, collectResults, prepared } from './accepted.ts';
import { executableSchema } from './executable-schema.ts';

const definitions = /* GraphQL */ `
  enum Color {
    RED
    GREEN
  }
  input Filter {
    color: Color = GREEN
    limits: [Int!]
  }
  interface Shape {
    area: Float!
  }
  type Square implements Shape {
    area: Float!
    side: Int
    broken: Int!
  }
  type Circle implements Shape {
    area: Float!
    radius: Int
  }
  union Anything = Square | Circle
  type Query {
    shapes(filter: Filter): [Shape]
    anything: Anything
    required: [Square!]!
    color(of: Color): Color
    badColor: Color
    slow: Int
  }
  type Mutation {
    step(by: Int!): Int
    fail: Int
  }
  type Subscription {
    square: Square
    squareHard: Square!
    doubled(by: Int = 2): Int
  }
`;

const squares = [
  { __typename: 'Square', area: 4, side: 2, broken: 1 },
  { __typename: 'Square', area: 'x', side: 3, broken: null },
];

const queries: readonly (readonly [string, string, Record<string, unknown>?])[] = [
  [
    'aliases and merged fields',
    '{ a: anything { __typename } a: anything { ... on Square { side } } }',
  ],
  [
    'abstract types',
    '{ shapes { __typename area ...S ... on Circle { radius } } } fragment S on Square { side }',
  ],
  ['null that bubbles in a list', '{ shapes { area } }'],
  ['null that bubbles to the root', '{ required { broken } }'],
  [
    'several errors',
    '{ badColor shapes { ... on Square { broken } } anything { ... on Square { broken } } }',
  ],
  ['defaults of input objects', '{ shapes(filter: { limits: 1 }) { __typename } }'],
  [
    'variables in input objects',
    'query ($n: Int! = 3) { shapes(filter: { limits: [$n] }) { __typename } }',
    {},
  ],
  ['enums', 'query ($c: Color) { color(of: $c) red: color(of: RED) }', { c: 'GREEN' }],
  [
    'directives',
    'query ($no: Boolean!) { slow @skip(if: $no) color(of: RED) @include(if: true) }',
    { no: true },
  ],
  ['promises', '{ slow again: slow }'],
  ['__typename and introspection', '{ __typename __type(name: "Color") { enumValues { name } } }'],
  ['mutations in order', 'mutation { a: step(by: 1) b: step(by: 2) fail c: step(by: 3) }'],
];

const requests = queries.map(([what, query, variables = {}]) => ({ what, query, variables }));

const subscriptions: readonly (readonly [string, string, readonly unknown[]])[] = [
  ['objects', 'subscription { square { side area } }', squares.map((square) => ({ square }))],
  ['null in a nullable field', 'subscription { square { side } }', [{ square: null }, {}]],
  [
    'null in a field that must not be',
    'subscription { squareHard { side } }',
    [{ squareHard: null }],
  ],
  [
    'errors below the root',
    'subscription { x: squareHard { broken } }',
    squares.map((squareHard) => ({ squareHard })),
  ],
  [
    'a resolver that fails for one event',
    'subscription ($by: Int) { doubled(by: $by) }',
    [1, 'x', 3],
  ],
];

async function* generate<Event>(events: readonly Event[]): AsyncGenerator<Event> {
  yield* events;
}

export function differentialSuite(graphql: typeof GraphQL): void {
  const createSchema = () => {
    let sum = 0;
    return executableSchema(graphql, definitions, {
      Query: {
        shapes: () => [
          ...squares,
          null,
          { __typename: 'Circle', area: 3, radius: () => 1 },
          { __typename: 'Nothing' },
        ],
        anything: async () => squares[1],
        required: () => squares,
        color: (_: unknown, { of }: { readonly of?: unknown }) => of,
        badColor: () => 'BLUE',
        slow: async () => 1,
      },
      Mutation: {
        step: async (_: unknown, { by }: { readonly by: number }) => (sum += by),
        fail: () => {
          throw new graphql.GraphQLError('failed', { extensions: { code: 'X' } });
        },
      },
      Subscription: {
        doubled: {
          resolve: (event: unknown, { by }: { readonly by: number }) => {
            if (typeof event !== 'number') throw new Error('not a number');
            return event * by;
          },
        },
      },
    });
  };

  describe('the engine answers to the letter as graphql does', () => {
    it.each(requests)('to $what', async ({ query, variables }) => {
      const engine = createReferenceEngine();
      const outcome = await engine.execute(prepared(engine.prepare(createSchema(), { query })), {
        context: undefined,
        variables,
      });
      const expected = await graphql.execute({
        schema: createSchema(),
        document: graphql.parse(query),
        variableValues: variables,
      });
      expect(JSON.stringify(outcome)).toBe(JSON.stringify({ kind: 'result', result: expected }));
    });

    it.each(subscriptions)('to events: %s', async (_, query, events) => {
      const rootValue = Object.fromEntries(
        ['square', 'squareHard', 'doubled'].map((field) => [field, () => generate(events)]),
      );
      const variables = { by: 5 };
      const engine = createReferenceEngine();
      const operation = prepared(engine.prepare(createSchema(), { query }));
      const started = accepted(
        await engine.subscribe(operation, { context: undefined, rootValue, variables }),
      );
      const stream = await graphql.subscribe({
        schema: createSchema(),
        document: graphql.parse(query),
        rootValue,
        variableValues: variables,
      });
      if (!(Symbol.asyncIterator in stream)) throw new Error('no stream');
      const expected: unknown[] = [];
      for await (const result of stream) expected.push(result);
      expect(JSON.stringify(await collectResults(started))).toBe(JSON.stringify(expected));
    });

    it.each([
      ['square', 'subscription { square { side } }'],
      ['squareHard', 'subscription { alias: squareHard { side } }'],
    ])('to an event that failed before it was executed, for %s', async (field, query) => {
      const engine = createReferenceEngine();
      const rootValue = { [field]: () => generate([]) };
      const operation = prepared(engine.prepare(createSchema(), { query }));
      const started = accepted(
        await engine.subscribe(operation, { context: undefined, rootValue }),
      );
      const expected = await graphql.execute({
        schema: createSchema(),
        document: graphql.parse(query),
        rootValue: {
          [field]: () => {
            throw new Error('lost');
          },
        },
      });
      expect(JSON.stringify(started.failEvent(new Error('lost')))).toBe(JSON.stringify(expected));
    });
  });
}
