import type { Question } from '../question.ts';
import { many, mutation, query, refused } from '../question.ts';

const parse = 'GRAPHQL_PARSE_FAILED';
const validation = 'GRAPHQL_VALIDATION_FAILED';
const selection = 'OPERATION_NOT_FOUND';

/** Names that a plain object answers to without having been asked. */
const inheritedNames = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'valueOf'];

const two = 'query A { hello } query B { echo(text: "b") }';

/** What a document says, and which of its operations is meant. */
export const documentQuestions: readonly Question[] = [
  query('a query without a name', '{ hello }'),
  query('a query with a name', 'query Q { hello }'),
  query('fields under other names', '{ a: hello b: hello hello }'),
  query('a field twice', '{ hello hello }'),
  query('a fragment', '{ ...F } fragment F on Query { hello }'),
  query('an inline fragment without a type', '{ ... { hello } }'),
  query('a field that is left out', '{ hello @skip(if: true) echo(text: "x") }'),
  query('nothing but fields that are left out', '{ hello @skip(if: true) }'),
  query('a directive with a variable', 'query ($on: Boolean!) { hello @include(if: $on) }', {
    variables: { on: false },
  }),
  query('insignificant commas, comments and a byte order mark', '\uFEFF{,,hello # fine\n,}'),
  query('line ends of every kind', '{\r\nhello\rechoed: echo(text: "x")\n}'),
  query('a type name', '{ __typename }'),
  query('the names of all types', '{ __schema { types { name } } }'),
  query('one type', '{ __type(name: "Query") { name fields { name type { kind name } } } }'),
  query('a type that does not exist', '{ __type(name: "constructor") { name } }'),
  query('an error beside data', '{ hello fails }'),
  query('an error under another name', '{ other: fails }'),
  query('an error that is masked', '{ leaks }'),
  query('several errors', '{ a: fails b: leaks c: fails }'),
  mutation('a mutation', 'mutation { post(room: "a", text: "x") }'),
  mutation(
    'several mutations in order',
    'mutation { a: post(room: "a", text: "1") b: post(room: "a", text: "2") }',
  ),

  query('an operation by its name', two, { operationName: 'B' }),
  query('an empty name for the only operation', '{ hello }', { operationName: '' }),
  query(
    'the query of a document that has a mutation, too',
    'query Q { hello } mutation M { post(room: "a", text: "x") }',
    {
      operationName: 'Q',
    },
  ),
  refused(selection, 'a name that no operation has', { query: two, operationName: 'C' }),
  refused(selection, 'a name in the wrong case', { query: two, operationName: 'a' }),
  refused(selection, 'a name for an operation that has none', {
    query: '{ hello }',
    operationName: 'A',
  }),
  refused(selection, 'no name where there are two operations', two),
  refused(selection, 'an empty name where there are two operations', {
    query: two,
    operationName: '',
  }),
  refused(selection, 'the name of a fragment', {
    query: 'query A { ...F } query B { hello } fragment F on Query { hello }',
    operationName: 'F',
  }),
  refused(selection, 'a name with a space around it', { query: two, operationName: ' A' }),
  refused(selection, 'a very long name', { query: two, operationName: 'x'.repeat(10_000) }),
  refused(selection, 'a name that is not ASCII', { query: two, operationName: 'Ä😀' }),
  ...inheritedNames.flatMap((name) => [
    refused(selection, `the name ${name}, which objects inherit`, {
      query: two,
      operationName: name,
    }),
    query(`an operation that is called ${name}`, `query ${name} { hello } query B { fails }`, {
      operationName: name,
    }),
    query(
      `a field under the name ${name}`,
      `{ ${name === '__proto__' ? '__proto' : name}: hello }`,
    ),
    refused(validation, `a field called ${name}`, `{ ${name} }`),
    refused(validation, `a fragment called ${name} that does not exist`, `{ ...${name} }`),
  ]),

  refused(parse, 'an empty document', ''),
  refused(parse, 'white space', ' \n\t, '),
  refused(parse, 'a comment alone', '# nothing'),
  refused(parse, 'a brace that is not closed', '{ hello'),
  refused(parse, 'a brace too many', '{ hello }}'),
  refused(parse, 'an argument without a value', '{ echo(text:) }'),
  refused(parse, 'a text that is not closed', '{ echo(text: "x) }'),
  refused(parse, 'a block text that is not closed', '{ echo(text: """x) }'),
  refused(parse, 'an escape that does not exist', String.raw`{ echo(text: "\q") }`),
  refused(parse, 'half of a pair of code units as an escape', String.raw`{ echo(text: "\uD83D") }`),
  refused(parse, 'a character that begins no token', '{ hello? }'),
  refused(parse, 'a control character', '{ hello\u0000 }'),
  refused(parse, 'a number with a leading zero', '{ double(n: 01) }'),
  refused(parse, 'a number without digits', '{ double(n: -) }'),
  refused(parse, 'JSON in place of a document', '{"query":"{ hello }"}'),
  refused(parse, 'markup in place of a document', '<html><body>hello</body></html>'),
  refused(parse, 'a keyword in the wrong place', 'query on { ...on }'),
  refused(parse, 'a fragment called on', 'fragment on on Query { hello }'),
  refused(parse, 'a null character alone', '\u0000'),

  refused(validation, 'nothing but a type', 'type T { a: Int }'),
  refused(validation, 'a type beside an operation', '{ hello } type T { a: Int }'),
  refused(validation, 'nothing but a fragment', 'fragment F on Query { hello }'),
  refused(validation, 'a field that does not exist', '{ nope }'),
  refused(validation, 'a field whose name is nearly right', '{ helo }'),
  refused(validation, 'several fields that do not exist', '{ a b c }'),
  refused(validation, 'an argument that does not exist', '{ hello(x: 1) }'),
  refused(validation, 'an argument that is missing', '{ echo }'),
  refused(validation, 'an argument of the wrong type', '{ double(n: "two") }'),
  refused(validation, 'an argument that is null', '{ double(n: null) }'),
  refused(validation, 'an argument twice', '{ double(n: 1, n: 2) }'),
  refused(validation, 'a whole number that is too big', '{ double(n: 99999999999) }'),
  refused(validation, 'a whole number that is far too big', `{ double(n: ${'9'.repeat(400)}) }`),
  refused(validation, 'a fraction for a whole number', '{ double(n: 1.5) }'),
  refused(validation, 'a selection of a leaf', '{ hello { length } }'),
  refused(validation, 'a selection that is missing', '{ __schema }'),
  refused(validation, 'a variable that is not declared', '{ double(n: $n) }'),
  refused(validation, 'a variable that is not used', 'query ($n: Int) { hello }'),
  refused(
    validation,
    'a variable of a type that does not exist',
    'query ($n: Nope) { double(n: $n) }',
  ),
  refused(
    validation,
    'a variable that may be null where none may be',
    'query ($n: Int) { double(n: $n) }',
  ),
  refused(validation, 'a directive that does not exist', '{ hello @nope }'),
  refused(validation, 'a directive in the wrong place', 'query @skip(if: true) { hello }'),
  refused(validation, 'a directive twice', '{ hello @skip(if: true) @skip(if: true) }'),
  refused(validation, 'a fragment that does not exist', '{ ...F }'),
  refused(validation, 'a fragment that nobody uses', '{ hello } fragment F on Query { hello }'),
  refused(
    validation,
    'a fragment on a type that does not exist',
    '{ ...F } fragment F on Nope { a }',
  ),
  refused(validation, 'a fragment on a leaf', '{ hello ...F } fragment F on String { length }'),
  refused(validation, 'a fragment that contains itself', '{ ...A } fragment A on Query { ...A }'),
  refused(
    validation,
    'fragments that contain each other',
    '{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }',
  ),
  refused(validation, 'two operations of one name', 'query A { hello } query A { hello }'),
  refused(validation, 'two operations of which one has no name', '{ hello } query A { hello }'),
  refused(validation, 'fields that cannot be merged', '{ a: echo(text: "1") a: echo(text: "2") }'),
  refused(validation, 'an invalid operation beside the one that is meant', {
    query: 'query A { hello } query B { nope }',
    operationName: 'A',
  }),
  refused(validation, 'a mutation that does not exist', 'mutation { drop }'),
  refused(validation, 'a name that begins with two underscores', '{ __nope }'),
  refused(validation, 'several hundred errors', `{ ${many(300, (n) => `f${n}`)} }`),
];
