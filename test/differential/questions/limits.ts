import type { DocumentLimits } from 'millrace/server';

import type { Question } from '../question.ts';
import { many, query, refused, subscription } from '../question.ts';

const exceeded = 'DOCUMENT_LIMIT_EXCEEDED';

/** Selection sets inside each other, `depth` of them. */
const nested = (depth: number): string =>
  `{ __schema { types { ${'ofType { '.repeat(depth - 3)}name${' }'.repeat(depth)}`;
const aliased = (count: number): string => `{ ${many(count, (n) => `a${n}: hello`)} }`;
const directed = (count: number): string =>
  `query ($on: Boolean!) { ${many(count, (n) => `a${n}: hello @include(if: $on)`)} }`;
const repeated = (count: number): string => `{ ${many(count + 1, () => 'hello')} }`;
/** Each fragment but the last spreads the next twice: 2 ** `length` spreads in a short text. */
const bomb = (length: number): string =>
  `{ ...F0 } ${many(length, (n) => `fragment F${n} on Query { ...F${n + 1} ...F${n + 1} }`)} fragment F${length} on Query { hello }`;
const spread = (count: number): string =>
  `{ ${many(count, () => '...F')} } fragment F on Query { hello }`;
const brackets = (count: number): string =>
  `{ echo(text: ${'['.repeat(count)}${']'.repeat(count)}) }`;

/** Each limit of a document by its default: just within it, and just beyond. */
const defaults: readonly Question[] = [
  query('15 levels', nested(15), {
    in: { leavesOut: {} },
  }),
  refused(exceeded, '16 levels', nested(16)),
  query('30 other names', aliased(30)),
  refused(exceeded, '31 other names', aliased(31)),
  query('30 directives', directed(30), { variables: { on: true } }),
  refused(exceeded, '51 directives', {
    query: `{ hello ${'@include(if: true) '.repeat(51)} }`,
  }),
  query('200 repetitions of a field', repeated(200)),
  refused(exceeded, '201 repetitions of a field', repeated(201)),
  query('200 spreads of a fragment', spread(200)),
  refused(exceeded, '1,001 spreads of a fragment', spread(1_001)),
  refused(exceeded, 'fragments that double at each step', bomb(12)),
  refused(exceeded, 'fragments that double at each of many steps', bomb(200)),
  refused(exceeded, '15,001 tokens', `{ ${'a '.repeat(15_000)}`),
  refused(exceeded, 'tokens without end, of which none makes sense', '!'.repeat(20_000)),
  refused(exceeded, '201 brackets inside each other', brackets(200)),
  refused(exceeded, 'braces without end', '{'.repeat(10_000)),
  refused(exceeded, 'parentheses without end', '('.repeat(10_000)),
  refused(
    exceeded,
    'too much of everything',
    `{ ${many(1_200, (n) => `a${n}: hello ...F`)} } fragment F on Query { ...G } fragment G on Query { hello }`,
  ),
  refused(
    exceeded,
    'a subscription with too many other names',
    `subscription { message(room: "a") { ${many(31, (n) => `a${n}: text`)} } }`,
  ),
  refused(
    exceeded,
    'too much introspection inside itself',
    `{ __schema { types { fields { type { fields { type { fields { type { fields { type { fields { type { fields { type { fields { name } } } } } } } } } } } } } } } }`,
  ),
];

/** Each limit as an option: a document within, and one beyond. */
const options: readonly (readonly [DocumentLimits, within: string, beyond: string])[] = [
  [{ tokens: 6 }, '{ hello }', '{ a: hello b: hello }'],
  [{ depth: 1 }, '{ hello }', '{ __schema { queryType { name } } }'],
  [{ aliases: 1 }, '{ a: hello }', '{ a: hello b: hello }'],
  [
    { directives: 1 },
    '{ hello @skip(if: false) }',
    '{ hello @skip(if: false) @include(if: true) }',
  ],
  [
    { fragmentSpreads: 1 },
    '{ ...F } fragment F on Query { hello }',
    '{ ...F ...F } fragment F on Query { hello }',
  ],
  [{ repeatedFields: 1 }, '{ hello hello }', '{ hello hello hello }'],
];

export const limitQuestions: readonly Question[] = [
  ...defaults,
  ...options.flatMap(([limits, within, beyond]) => [
    query(`${JSON.stringify(limits)}, kept`, within, { in: { options: { limits } } }),
    refused(exceeded, `${JSON.stringify(limits)}, exceeded`, beyond, { options: { limits } }),
  ]),
  query('a limit that is lifted', aliased(40), {
    in: { options: { limits: { aliases: Number.POSITIVE_INFINITY } } },
  }),
  subscription('{"depth":1} of a subscription, kept', 'subscription { countdown(from: 2) }', {
    in: { options: { limits: { depth: 1 } } },
  }),
  refused(
    exceeded,
    '{"depth":1} of a subscription, exceeded',
    'subscription { message(room: "a") { text } }',
    { options: { limits: { depth: 1 } } },
  ),
  query('a cost within the limit', '{ hello }', {
    in: { options: { cost: () => 3, limits: { cost: 3 } } },
  }),
  refused('OPERATION_TOO_EXPENSIVE', 'a cost above the limit', '{ hello }', {
    options: { cost: () => 4, limits: { cost: 3 } },
  }),
  refused(
    'OPERATION_TOO_EXPENSIVE',
    'a subscription above the limit of the cost',
    'subscription { countdown(from: 3) }',
    { options: { cost: async () => 4, limits: { cost: 3 } } },
  ),
  refused('INTERNAL_SERVER_ERROR', 'a cost that cannot be told', '{ hello }', {
    options: {
      cost: () => {
        throw new Error('no price list');
      },
      limits: { cost: 3 },
    },
  }),
  refused('INTERNAL_SERVER_ERROR', 'a cost that is no number', '{ hello }', {
    options: { cost: () => Number.NaN, limits: { cost: 3 } },
  }),
];
