import type { Question } from '../question.ts';
import { query, refused } from '../question.ts';

const badRequest = 'BAD_REQUEST';

/** Members of a request that have the wrong type, or are missing. */
const malformed: readonly (readonly [title: string, request: object])[] = [
  ['no document', {}],
  ['a document under another name', { qeury: '{ hello }' }],
  ['null as the document', { query: null }],
  ...[7, true, {}, ['{ hello }']].map(
    (value) => [`${JSON.stringify(value)} as the document`, { query: value }] as const,
  ),
  ...[7, true, {}, ['A']].map(
    (value) =>
      [
        `${JSON.stringify(value)} as the name`,
        { query: '{ hello }', operationName: value },
      ] as const,
  ),
  ...[7, true, '{}', ['a'], []].map(
    (value) =>
      [
        `${JSON.stringify(value)} as the variables`,
        { query: '{ hello }', variables: value },
      ] as const,
  ),
  ...[7, true, '{}', ['a'], []].map(
    (value) =>
      [
        `${JSON.stringify(value)} as the extensions`,
        { query: '{ hello }', extensions: value },
      ] as const,
  ),
];

/** What the members of a request may look like. */
export const shapeQuestions: readonly Question[] = [
  ...malformed.map(([title, request]) =>
    refused(badRequest, title, request, {
      wordsDiffer: 'a socket names the message, and the newer protocol ends the connection',
      leavesOut: {
        'HTTP GET': 'in a URL every member is a text',
        'SSE by GET': 'in a URL every member is a text',
        'a direct call': 'types keep the host program from it',
      },
    }),
  ),
  query('null for everything that may be absent', '{ hello }', {
    ...(JSON.parse('{"operationName":null,"variables":null,"extensions":null}') as object),
    in: {
      leavesOut: {
        'HTTP GET': 'in a URL the name would be the text null',
        'SSE by GET': 'in a URL the name would be the text null',
        'a direct call': 'types keep the host program from it',
      },
    },
  }),
  query(
    'members that nobody knows',
    '{ hello }',
    JSON.parse('{"id":7,"more":[1],"constructor":1}') as object,
  ),
  query('extensions that nobody knows', '{ hello }', {
    extensions: { a: { b: [1, null] }, constructor: 1 },
  }),
  query('empty variables and extensions', '{ hello }', { variables: {}, extensions: {} }),
];
