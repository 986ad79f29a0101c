import { inputSchema } from '../inputs.ts';
import type { Question } from '../question.ts';
import { query, refused, subscription } from '../question.ts';

type Variables = Readonly<Record<string, unknown>>;
/** A value for the parameter, of which the document declares that it has `type`. */
type Case = readonly [title: string, parameter: string, type: string, variables: Variables];

const deepFilter = (levels: number): object =>
  JSON.parse(`${'{"name":"a","inner":'.repeat(levels)}null${'}'.repeat(levels)}`) as object;
const deepList = (levels: number): unknown =>
  JSON.parse(`${'['.repeat(levels)}${']'.repeat(levels)}`);

const accepted: readonly Case[] = [
  ['a text', 'text', 'String', { value: 'x' }],
  ['an empty text', 'text', 'String', { value: '' }],
  ['the text null', 'text', 'String', { value: 'null' }],
  [
    'a text of every kind of character',
    'text',
    'String',
    { value: 'é€😀\u0000\u2028\u2029\uFEFF"\\/\u{10FFFF}' },
  ],
  ['a text of 10,000 characters', 'text', 'String', { value: 'ä'.repeat(10_000) }],
  ['line ends in a text', 'text', 'String', { value: 'a\r\nb\rc\n\n\r\nd\n' }],
  [
    'what ends a part or an event, in a text',
    'text',
    'String',
    { value: '\r\n--graphql--\r\n\n\nevent: complete\n\n' },
  ],
  ['half of a pair of code units', 'text', 'String', { value: '\uD83D' }],
  ['null', 'text', 'String', { value: null }],
  ['no value', 'text', 'String', {}],
  ['no value for a parameter with a default', 'given', 'Int', {}],
  ['null for a parameter with a default', 'given', 'Int', { value: null }],
  ['a default of the variable', 'count', 'Int = 3', {}],
  ['null in place of the default of the variable', 'count', 'Int = 3', { value: null }],
  ['variables that nobody declared', 'count', 'Int', { value: 1, other: 2, constructor: 3 }],
  [
    'names that objects inherit',
    'count',
    'Int',
    JSON.parse('{"value":1,"__proto__":{"value":2}}') as Variables,
  ],
  ['the greatest whole number', 'count', 'Int', { value: 2_147_483_647 }],
  ['the least whole number', 'count', 'Int', { value: -2_147_483_648 }],
  ['a fraction', 'at', 'Float', { value: 0.1 }],
  ['a whole number for a fraction', 'at', 'Float', { value: 3 }],
  ['a huge number', 'at', 'Float', { value: 1e308 }],
  ['a tiny number', 'at', 'Float', { value: 5e-324 }],
  ['a number beyond the precision of doubles', 'at', 'Float', { value: 3 * 9_007_199_254_740_991 }],
  ['false', 'flag', 'Boolean', { value: false }],
  ['a list', 'ids', '[ID!]', { value: ['a', 'b'] }],
  ['an empty list', 'ids', '[ID!]', { value: [] }],
  ['one value for a list', 'ids', '[ID!]', { value: 'a' }],
  ['numbers for ids', 'ids', '[ID!]', { value: [1, 2] }],
  ['a list of lists with holes', 'matrix', '[[Int]]', { value: [[1, null], null, []] }],
  ['one value for a list of lists', 'matrix', '[[Int]]', { value: 1 }],
  ['a name of an enumeration', 'color', 'Color', { value: 'RED' }],
  ['an object', 'filter', 'Filter', { value: { name: 'a' } }],
  [
    'an object in an object',
    'filter',
    'Filter',
    { value: { name: 'a', tags: null, inner: { name: 'b', limit: null } } },
  ],
  ['objects inside each other, 500 levels', 'filter', 'Filter', { value: deepFilter(500) }],
  ['one of several', 'either', 'Either', { value: { id: 1 } }],
];

const rejected: readonly Case[] = [
  ['no value where one is needed', 'count', 'Int!', {}],
  ['null where a value is needed', 'count', 'Int!', { value: null }],
  ['a text for a number', 'count', 'Int', { value: '1' }],
  ['a fraction for a whole number', 'count', 'Int', { value: 1.5 }],
  ['a whole number that is too big', 'count', 'Int', { value: 2_147_483_648 }],
  ['a whole number that is far too big', 'count', 'Int', { value: 1e300 }],
  ['a number for a text', 'text', 'String', { value: 1 }],
  ['an object for a text', 'text', 'String', { value: {} }],
  ['a list for a text', 'text', 'String', { value: ['x'] }],
  ['a text for a truth', 'flag', 'Boolean', { value: 'true' }],
  ['a number for a truth', 'flag', 'Boolean', { value: 1 }],
  ['a fraction for an id', 'ids', '[ID!]', { value: [1.5] }],
  ['a hole in a list that may have none', 'ids', '[ID!]', { value: ['a', null] }],
  ['a text in a list of numbers', 'matrix', '[[Int]]', { value: [[1, 'x'], ['y']] }],
  ['a list that is far too deep', 'matrix', '[[Int]]', { value: deepList(500) }],
  ['a name that the enumeration does not have', 'color', 'Color', { value: 'BLUE' }],
  ['a name of an enumeration in the wrong case', 'color', 'Color', { value: 'red' }],
  ['a name that objects inherit, for an enumeration', 'color', 'Color', { value: 'constructor' }],
  ['an object without what it needs', 'filter', 'Filter', { value: {} }],
  ['an object with what it does not have', 'filter', 'Filter', { value: { name: 'a', more: 1 } }],
  [
    'an object with what objects inherit',
    'filter',
    'Filter',
    { value: JSON.parse('{"name":"a","__proto__":{}}') as unknown },
  ],
  ['a text for an object', 'filter', 'Filter', { value: '{"name":"a"}' }],
  [
    'an object that is wrong deep inside',
    'filter',
    'Filter',
    { value: { name: 'a', inner: { name: 1 } } },
  ],
  ['two of several of which one may be', 'either', 'Either', { value: { id: 1, name: 'a' } }],
  ['none of several of which one must be', 'either', 'Either', { value: {} }],
  ['null as the one of several', 'either', 'Either', { value: { id: null } }],
];

const options = { schema: inputSchema };

function toQuestions(ends: string): (given: Case) => readonly Question[] {
  return ([title, parameter, type, variables]) => {
    const operation = `($value: ${type}) { show(${parameter}: $value) }`;
    const more = { variables, in: { ends, options } };
    return [
      query(`${title}, in a query`, `query ${operation}`, more),
      subscription(`${title}, in a subscription`, `subscription ${operation}`, more),
    ];
  };
}

export const variableQuestions: readonly Question[] = [
  ...accepted.flatMap(toQuestions('completed')),
  ...rejected.flatMap(toQuestions('BAD_USER_INPUT')),
  query(
    'several variables that are wrong',
    'query ($a: Int!, $b: Int!, $c: Int) { show(count: $a, given: $b, text: "x") other: show(count: $c) }',
    {
      variables: { a: 'x', c: 'y' },
      in: { ends: 'BAD_USER_INPUT', options },
    },
  ),
  refused(
    'GRAPHQL_VALIDATION_FAILED',
    'a variable of a type that is no input',
    {
      query: 'query ($value: Query) { show(filter: $value) }',
      variables: { value: {} },
    },
    { options },
  ),
  query(
    'texts of every kind in the document',
    `{ show(text: "é€😀${String.raw`\u00e9\u{1F600}\"\n`}") }`,
    { in: { options } },
  ),
  query('a block text', '{ show(text: """\n  a\n    b \\"""\n  """) }', { in: { options } }),
];
