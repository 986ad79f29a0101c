import type * as GraphQL from 'graphql';
import { describe, expect, it } from 'vitest';

import { createReferenceEngine } from '../../src/execution/reference-engine.ts';
import type { DocumentLimits } from '../../src/execution/types.ts';

const many = (count: number, write: (index: number) => string): string =>
  Array.from({ length: count }, (_, index) => write(index)).join(' ');

const fieldCount = 3_000;

const definitions = `
  input Box { values: [Int] }
  type Query {
    a(values: [Int], box: Box): Query
    b: Query
    leaf(values: [Int]): String
    ${many(fieldCount, (index) => `f${index}: String`)}
  }
  type Subscription { a: Query }
`;

/** Selection sets inside each other, `depth` of them. */
const nested = (depth: number): string => (depth === 1 ? '{leaf}' : `{a${nested(depth - 1)}}`);
/** A list in an argument; nine tokens are around it. */
const listOf = (length: number): string => `{leaf(values:[${many(length, () => '1')}])}`;
/** Two fields of one name in each selection set. */
const tree = (depth: number): string =>
  depth === 1 ? '{leaf}' : `{a${tree(depth - 1)} a${tree(depth - 1)}}`;

/** A chain of fragments of which each spreads the next twice. */
const bomb = (length: number): string =>
  `{...F0} ${many(length, (index) =>
    index === length - 1
      ? `fragment F${index} on Query{leaf}`
      : `fragment F${index} on Query{...F${index + 1} b{...F${index + 1}}}`,
  )}`;

export function limitsSuite(graphql: typeof GraphQL): void {
  const schema = graphql.buildSchema(definitions);

  const refusals = (query: string, limits: DocumentLimits = {}) => {
    const preparation = createReferenceEngine({ limits }).prepare(schema, { query });
    if (preparation.kind === 'prepared') return 'prepared';
    if (preparation.code !== 'DOCUMENT_LIMIT_EXCEEDED') return preparation.code;
    return preparation.errors.map(({ extensions }) => extensions['limit']);
  };

  describe('the limits of a document', () => {
    it('name themselves, their value and what they found', () => {
      const preparation = createReferenceEngine().prepare(schema, { query: nested(16) });
      if (preparation.kind !== 'refused') throw new Error('was not refused');
      expect(preparation.code).toBe('DOCUMENT_LIMIT_EXCEEDED');
      expect(preparation.errors.map((error) => error.toJSON())).toEqual([
        {
          message: 'The document exceeds the limit "depth": 15 allowed, 16 found.',
          extensions: { code: 'DOCUMENT_LIMIT_EXCEEDED', limit: 'depth', maximum: 15 },
        },
      ]);
    });

    it.each([
      ['tokens', listOf(14_991), listOf(14_992)],
      ['depth', nested(15), nested(16)],
      ['aliases', `{${many(30, (i) => `x${i}:leaf`)}}`, `{${many(31, (i) => `x${i}:leaf`)}}`],
      [
        'directives',
        `{${many(50, (i) => `f${i}@skip(if:true)`)}}`,
        `{${many(51, (i) => `f${i}@skip(if:true)`)}}`,
      ],
      [
        'fragmentSpreads',
        `{${many(1_000, () => '...F')}} fragment F on Query{leaf}`,
        `{${many(1_001, () => '...F')}} fragment F on Query{leaf}`,
      ],
      ['repeatedFields', `{${many(201, () => 'leaf')}}`, `{${many(202, () => 'leaf')}}`],
    ])('of %s hold exactly', (limit, within, beyond) => {
      const others = { repeatedFields: Infinity, [limit]: undefined };
      // oxlint-disable-next-line typescript/no-unsafe-argument -- what callers without TypeScript pass
      expect(refusals(within, others as DocumentLimits)).toBe('prepared');
      expect(refusals(beyond, others as DocumentLimits)).toEqual([limit]);
    });

    it.each([
      ['tokens', { tokens: 10 }, '{leaf a{leaf b{leaf}}}'],
      ['depth', { depth: 2 }, '{a{a{leaf}}}'],
      ['aliases', { aliases: 0 }, '{x:leaf}'],
      ['directives', { directives: 0 }, '{leaf @skip(if:false)}'],
      ['fragmentSpreads', { fragmentSpreads: 1 }, '{...F a{...F}} fragment F on Query{leaf}'],
      ['repeatedFields', { repeatedFields: 0 }, '{leaf leaf}'],
    ])('of %s can be set, and lifted', (limit, limits, query) => {
      expect(refusals(query, limits)).toEqual([limit]);
      expect(refusals(query, { ...limits, [limit]: Infinity })).toBe('prepared');
    });

    it('follow fragments', () => {
      const spread =
        '{a{...F}} fragment F on Query{x:leaf a{y:leaf ...G}} fragment G on Query{b{z:leaf}}';
      expect(refusals(spread, { depth: 4, aliases: 3, fragmentSpreads: 2 })).toBe('prepared');
      expect(refusals(spread, { depth: 3, aliases: 2, fragmentSpreads: 1 })).toEqual([
        'depth',
        'aliases',
        'fragmentSpreads',
      ]);
    });

    it('count what several operations and unused fragments hold', () => {
      const query =
        'query A{...F} query B{...F} fragment F on Query{x:leaf} fragment G on Query{y:leaf}';
      expect(refusals(query, { aliases: 2 })).toEqual(['aliases']);
    });

    it.each([
      ['selection sets', nested(5_000)],
      ['lists', `{a(values:${'['.repeat(7_000)}${']'.repeat(7_000)}){leaf}}`],
      ['objects', `{a(box:${'{a:'.repeat(4_000)}1${'}'.repeat(4_000)}){leaf}}`],
      ['types of variables', `query($v:${'['.repeat(7_000)}Int${']'.repeat(7_000)}){leaf}`],
      ['brackets that are never closed', '{a('.repeat(5_000)],
    ])('bound the nesting of %s before anything recurses', (_, query) => {
      expect(refusals(query, { depth: Infinity })).toEqual(['nesting']);
    });

    it.each([[20], [1_500]])('stop a bomb of %i fragments that double each other', (length) => {
      const limits = { tokens: Infinity, depth: Infinity };
      expect(refusals(bomb(length), limits)).toEqual(['fragmentSpreads']);
    });

    it('count a bomb that overflows numbers', () => {
      const preparation = createReferenceEngine({
        limits: { tokens: Infinity, depth: Infinity },
      }).prepare(schema, { query: bomb(1_500) });
      expect(preparation).toMatchObject({
        errors: [{ message: expect.stringContaining('1000 allowed, Infinity found') }],
      });
    });

    it('hold the expansion of a document to as many selections as it may have tokens', () => {
      const query = `{${many(100, (i) => `f${i} a{...F}`)}} fragment F on Query{${many(200, (i) => `f${i}`)}}`;
      expect(refusals(query)).toEqual(['tokens']);
    });

    it.each([
      ['itself', '{...F} fragment F on Query{leaf ...F}'],
      ['itself inside a field', '{...F} fragment F on Query{a{...F}}'],
      ['itself by way of another', '{...F} fragment F on Query{...G} fragment G on Query{b{...F}}'],
      ['itself, unused', '{leaf} fragment F on Query{...G} fragment G on Query{...F}'],
      [
        'a thousand others, and they it',
        `{...F0} ${many(1_000, (i) => `fragment F${i} on Query{leaf ...F${(i + 1) % 1_000} ...F${(i + 7) % 1_000}}`)}`,
      ],
    ])('leave a fragment that spreads %s to validation', (_, query) => {
      expect(refusals(query)).toBe('GRAPHQL_VALIDATION_FAILED');
    });

    it('leave unknown fragments to validation', () => {
      expect(refusals('{...Nobody}')).toBe('GRAPHQL_VALIDATION_FAILED');
    });

    it('let introspection pass', () => {
      expect(refusals(graphql.getIntrospectionQuery())).toBe('prepared');
      expect(
        refusals(
          graphql.getIntrospectionQuery({
            inputValueDeprecation: true,
            oneOf: true,
            schemaDescription: true,
            specifiedByUrl: true,
            directiveIsRepeatable: true,
          }),
        ),
      ).toBe('prepared');
    });

    it('let a page of a hundred fragments that each select __typename pass', () => {
      const query = `{${many(100, (i) => `...F${i}`)}} ${many(100, (i) => `fragment F${i} on Query{__typename f${i}}`)}`;
      expect(refusals(query)).toBe('prepared');
    });
  });

  describe('a hostile document within the token limit', () => {
    const hostile: readonly (readonly [string, string])[] = [
      ['one field 14,990 times', `{${many(14_990, () => 'leaf')}}`],
      ['a tree of fields of one name', tree(11)],
      [
        'fields of one name with many subfields',
        `{${many(200, () => `a{${many(70, (i) => `f${i}`)}}`)}}`,
      ],
      [
        'a thousand fragments with the same field',
        `{${many(1_000, (i) => `...F${i}`)}} ${many(1_000, (i) => `fragment F${i} on Query{leaf}`)}`,
      ],
      [
        'hundreds of fragments with many fields',
        `{${many(400, (i) => `...F${i}`)}} ${many(400, (i) => `fragment F${i} on Query{${many(20, (j) => `f${(i * 20 + j) % fieldCount}`)}}`)}`,
      ],
      [
        'a chain of fragments',
        `{...F0} ${many(900, (i) => `fragment F${i} on Query{f${i} ${i < 899 ? `...F${i + 1}` : ''}}`)}`,
      ],
      [
        'a large fragment in many places',
        `{${many(190, () => 'a{leaf ...F}')}} fragment F on Query{${many(fieldCount, (i) => `f${i}`)}}`,
      ],
      [
        'a thousand operations with the same fragment',
        `${many(1_000, (i) => `query Q${i}{...F}`)} fragment F on Query{${many(2_000, (i) => `f${i}`)}}`,
      ],
    ];

    it.each(hostile)('is refused by a limit: %s', (_, query) => {
      expect(refusals(query)).toEqual([expect.stringMatching(/repeatedFields|tokens/)]);
    });

    const costly: readonly (readonly [string, string])[] = [
      ['as many repetitions as allowed', `{${many(201, () => 'leaf')}}`],
      [
        'repetitions with large arguments',
        `{${many(200, () => `leaf(values:[${many(66, () => '1')}])`)}}`,
      ],
      ['unknown fields only', `{${many(14_990, (i) => `unknown${i}`)}}`],
      ['variables only', `query(${many(3_700, (i) => `$v${i}:Int`)}){leaf}`],
      ...hostile,
    ];
    it.each(costly)('is answered in a fraction of a second: %s', (_, query) => {
      const engine = createReferenceEngine({ documentCacheSize: 0 });
      const durationsMs = [1, 2, 3].map(() => {
        const before = process.cpuUsage();
        engine.prepare(schema, { query });
        const { user, system } = process.cpuUsage(before);
        return (user + system) / 1_000;
      });
      // Processor time of the fastest of three, and several times what it takes, for machines that are busy.
      expect(Math.min(...durationsMs)).toBeLessThan(1_000);
    });
  });
}
