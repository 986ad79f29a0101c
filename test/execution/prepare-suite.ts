import type * as GraphQL from 'graphql';
import type { GraphQLSchema } from 'graphql';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';

import { createReferenceEngine } from '../../src/execution/reference-engine.ts';
import { assertSchema } from '../../src/execution/prepare.ts';
import type { Preparation } from '../../src/execution/types.ts';

const definitions = /* GraphQL */ `
  interface Node {
    id: ID
  }
  type Query {
    hello(name: String = "world"): String
    self: Query
  }
  type Mutation {
    save: Boolean
  }
  type Subscription implements Node {
    id: ID
    message(room: String): String
    count: Int
  }
`;

/** What everybody sees of a refusal, which must be complete. */
function refusal(preparation: Preparation) {
  if (preparation.kind !== 'refused') throw new Error('was not refused');
  expect(preparation.errors.length).toBeGreaterThan(0);
  for (const error of preparation.errors) expect(error.extensions['code']).toBe(preparation.code);
  return { code: preparation.code, messages: preparation.errors.map(({ message }) => message) };
}

export function prepareSuite(graphql: typeof GraphQL): void {
  const schema = graphql.buildSchema(definitions);
  const prepare = (query: string, operationName?: string, of: GraphQLSchema = schema) =>
    createReferenceEngine().prepare(of, {
      query,
      ...(operationName !== undefined && { operationName }),
    });

  describe('a document', () => {
    it('is prepared with the kind of its operation', () => {
      expect(prepare('{ hello }')).toMatchObject({ prepared: { kind: 'query' } });
      expect(prepare('mutation { save }')).toMatchObject({ prepared: { kind: 'mutation' } });
      expect(prepare('subscription { count }')).toMatchObject({
        prepared: { kind: 'subscription', schema, isIncremental: false },
      });
    });

    it('with a syntax error is refused with the place of the error', () => {
      const preparation = prepare('{ hello(');
      expect(refusal(preparation)).toEqual({
        code: 'GRAPHQL_PARSE_FAILED',
        messages: ['Syntax Error: Expected Name, found <EOF>.'],
      });
      expect(preparation).toMatchObject({ errors: [{ locations: [{ line: 1, column: 9 }] }] });
    });

    it.each([['?'], ['{ hello(name: "'], ['{ "'], ['']])('that is %j is a syntax error', (text) => {
      expect(refusal(prepare(text)).code).toBe('GRAPHQL_PARSE_FAILED');
    });

    it('that selects an unknown field is refused by validation', () => {
      expect(refusal(prepare('{ nothing }'))).toEqual({
        code: 'GRAPHQL_VALIDATION_FAILED',
        messages: ['Cannot query field "nothing" on type "Query".'],
      });
    });

    it('gets no suggestions where they are hidden', () => {
      const request = { query: '{ helo }' };
      const [shown, hidden] = [false, true].map((hideSuggestions) =>
        refusal(createReferenceEngine({ hideSuggestions }).prepare(schema, request)),
      );
      expect(shown?.messages[0]).toContain('hello');
      expect(hidden?.messages[0]).not.toContain('hello');
    });

    it('whose examination breaks down is refused, whatever was thrown', () => {
      const broken = graphql.buildSchema(definitions);
      vi.spyOn(broken, 'getQueryType').mockImplementation(() => {
        throw new RangeError('Maximum call stack size exceeded');
      });
      expect(refusal(prepare('{ hello }', undefined, broken))).toEqual({
        code: 'GRAPHQL_VALIDATION_FAILED',
        messages: ['The document could not be examined.'],
      });
    });
  });

  describe('any text', () => {
    const token = fc.constantFrom(
      ...Array.from('{}()[]@!$:=|#"'),
      '...',
      '"""',
      'query',
      'subscription',
      'fragment',
      'F',
      'on',
      'Query',
      'hello',
      'self',
      'count',
      'skip',
    );
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.array(token, { maxLength: 40 }).map((tokens) => tokens.join(' ')),
    );

    it('is prepared or refused with errors that say why, and nothing is thrown', () => {
      fc.assert(
        fc.property(text, (query) => {
          const preparation = prepare(query);
          if (preparation.kind === 'refused') refusal(preparation);
          else expect(graphql.validate(schema, graphql.parse(query))).toEqual([]);
        }),
      );
    });
  });

  describe('the operation of a request', () => {
    const several = 'query A { hello } query B { hello } subscription C { count }';

    it('is the only one where none is named', () => {
      expect(prepare('query A { hello }')).toMatchObject({
        prepared: { operation: { name: { value: 'A' } } },
      });
      expect(prepare('query A { hello }', '')).toMatchObject({ kind: 'prepared' });
    });

    it('is the named one of several', () => {
      expect(prepare(several, 'B')).toMatchObject({
        prepared: { kind: 'query', operation: { name: { value: 'B' } } },
      });
      expect(prepare(several, 'C')).toMatchObject({ prepared: { kind: 'subscription' } });
    });

    it('must be named where there are several', () => {
      expect(refusal(prepare(several))).toEqual({
        code: 'OPERATION_NOT_FOUND',
        messages: ['Must provide operation name if query contains multiple operations.'],
      });
      expect(refusal(prepare(several, '')).code).toBe('OPERATION_NOT_FOUND');
    });

    it.each([['D'], ['constructor'], ['__proto__']])('named %s is unknown', (name) => {
      expect(refusal(prepare(several, name))).toEqual({
        code: 'OPERATION_NOT_FOUND',
        messages: [`Unknown operation named "${name}".`],
      });
    });
  });

  describe('a subscription', () => {
    it.each([
      ['one field', 'subscription { count }'],
      ['an alias', 'subscription { other: count }'],
      ['the same field twice', 'subscription { count count }'],
      ['a named fragment', 'subscription { ...F } fragment F on Subscription { count }'],
      ['an interface that the root type implements', 'subscription { ... on Node { id } }'],
      ['an inline fragment without a type', 'subscription { ... { count } }'],
    ])('may select %s', (_, query) => {
      expect(prepare(query).kind).toBe('prepared');
    });

    it.each([
      ['side by side', 'subscription S { count message }'],
      ['of different names', 'subscription S { a: count b: count }'],
      ['in an inline fragment', 'subscription S { count ... { message } }'],
      [
        'in nested fragments',
        'subscription S { ...F } fragment F on Subscription { count ...G } fragment G on Subscription { message }',
      ],
    ])('may not select two root fields %s', (_, query) => {
      expect(refusal(prepare(query))).toEqual({
        code: 'GRAPHQL_VALIDATION_FAILED',
        messages: ['Subscription "S" must select only one top level field.'],
      });
    });

    it.each([
      ['@skip with a literal', 'subscription { count @skip(if: false) }'],
      ['@include with a literal', 'subscription { count @include(if: true) }'],
      ['a variable', 'subscription ($on: Boolean!) { count @include(if: $on) }'],
      ['a hidden second field', 'subscription ($on: Boolean!) { count message @skip(if: $on) }'],
      ['an inline fragment', 'subscription ($on: Boolean!) { ... @skip(if: $on) { count } }'],
      [
        'a fragment spread',
        'subscription ($on: Boolean!) { ...F @include(if: $on) } fragment F on Subscription { count }',
      ],
      [
        'a field of a fragment',
        'subscription ($on: Boolean!) { ...F } fragment F on Subscription { count @include(if: $on) }',
      ],
    ])('may not make its root field conditional: %s', (_, query) => {
      expect(refusal(prepare(query))).toEqual({
        code: 'GRAPHQL_VALIDATION_FAILED',
        messages: [
          'Anonymous Subscription must not use `@skip` or `@include` directives in the top level selection.',
        ],
      });
    });

    it('may not select introspection at its root', () => {
      expect(refusal(prepare('subscription { __typename }'))).toEqual({
        code: 'GRAPHQL_VALIDATION_FAILED',
        messages: ['Anonymous Subscription must not select an introspection top level field.'],
      });
    });

    it('hears of its root fields and of everything else that is wrong with it', () => {
      expect(refusal(prepare('subscription { count message nothing }')).messages).toEqual(
        expect.arrayContaining([
          'Anonymous Subscription must select only one top level field.',
          'Cannot query field "nothing" on type "Subscription".',
        ]),
      );
    });
  });

  describe('a document that was seen before', () => {
    it('is not parsed again', () => {
      const engine = createReferenceEngine();
      const request = { query: '{ hello }' };
      const [first, second] = [engine.prepare(schema, request), engine.prepare(schema, request)];
      if (first.kind === 'refused' || second.kind === 'refused') throw new Error('refused');
      expect(second.prepared.document === first.prepared.document).toBe(true);
      expect(Object.isFrozen(second.prepared)).toBe(true);
    });

    it('is refused again with errors that nobody can change', () => {
      const engine = createReferenceEngine();
      const [first, second] = [1, 2].map(() => engine.prepare(schema, { query: '{ nothing }' }));
      if (first?.kind !== 'refused') throw new Error('was not refused');
      expect(second).toBe(first);
      expect(Object.isFrozen(first.errors)).toBe(true);
      expect(Object.isFrozen(first.errors[0]?.extensions)).toBe(true);
    });

    it('is examined for each schema', () => {
      const engine = createReferenceEngine();
      const other = graphql.buildSchema('type Query { other: Int }');
      expect(engine.prepare(schema, { query: '{ hello }' }).kind).toBe('prepared');
      expect(engine.prepare(other, { query: '{ hello }' }).kind).toBe('refused');
    });

    it('makes room for others when there are too many', () => {
      const engine = createReferenceEngine({ documentCacheSize: 2 });
      const documentOf = (query: string) => {
        const preparation = engine.prepare(schema, { query });
        if (preparation.kind === 'refused') throw new Error('refused');
        return preparation.prepared.document;
      };
      const first = documentOf('{ a: hello }');
      documentOf('{ b: hello }');
      documentOf('{ c: hello }');
      expect(documentOf('{ a: hello }') === first).toBe(false);
    });

    it('makes room for others when they are too large', () => {
      const engine = createReferenceEngine({
        documentCacheSize: 10,
        limits: { repeatedFields: Infinity },
      });
      const large = `{ ${'self { hello } '.repeat(150)} }`; // 600 tokens, of 5,000 for all
      const request = (index: number) => ({ query: `${large} # ${index}` });
      const documentOf = (index: number) => {
        const preparation = engine.prepare(schema, request(index));
        if (preparation.kind === 'refused') throw new Error('refused');
        return preparation.prepared.document;
      };
      const first = documentOf(0);
      expect(documentOf(0) === first).toBe(true);
      for (let index = 1; index < 9; index += 1) documentOf(index);
      expect(documentOf(0) === first).toBe(false);
    });

    it('is examined anew where nothing may be kept', () => {
      const engine = createReferenceEngine({ documentCacheSize: 0 });
      const [first, second] = [1, 2].map(() => engine.prepare(schema, { query: '{ hello }' }));
      if (first?.kind !== 'prepared' || second?.kind !== 'prepared') throw new Error('refused');
      expect(second.prepared.document === first.prepared.document).toBe(false);
    });
  });

  describe('assertSchema', () => {
    it('accepts a valid schema', () => {
      expect(() => assertSchema(schema)).not.toThrow();
    });

    it('names what is wrong with another', () => {
      const invalid = new graphql.GraphQLSchema({});
      expect(() => assertSchema(invalid)).toThrow(
        expect.objectContaining({
          code: 'USAGE',
          message: expect.stringContaining('Query root type must be provided'),
        }),
      );
    });
  });
}
