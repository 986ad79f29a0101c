import type { OperationRequest } from 'millrace';
import { describe, expect, it } from 'vitest';

import { converse } from '../support/conversation.ts';
import type { Verdict } from '../support/transports.ts';
import { clientTransports, transports } from '../support/transports.ts';

const deep = (levels: number): string =>
  '{ __schema { types { '.concat('ofType { '.repeat(levels), 'name', ' }'.repeat(levels + 3));

const requests: readonly (readonly [string, OperationRequest])[] = [
  ['a query', { query: '{ hello }' }],
  ['a mutation', { query: 'mutation { post(room: "a", text: "x") }' }],
  ['variables', { query: 'query ($n: Int!) { double(n: $n) }', variables: { n: 4 } }],
  [
    'an operation by name',
    { query: 'query A { hello } query B { echo(text: "b") }', operationName: 'B' },
  ],
  ['an execution error', { query: '{ hello fails }' }],
  ['a masked error', { query: '{ leaks }' }],
  ['introspection', { query: '{ __typename }' }],
  ['an empty document', { query: '' }],
  ['a syntax error', { query: '{ hello' }],
  ['only a fragment', { query: 'fragment F on Query { hello }' }],
  ['an unknown field', { query: '{ nope }' }],
  ['an unknown argument', { query: '{ hello(x: 1) }' }],
  ['an unknown operation', { query: 'query A { hello }', operationName: 'B' }],
  ['an ambiguous operation', { query: 'query A { hello } query B { hello }' }],
  ['a missing variable', { query: 'query ($n: Int!) { double(n: $n) }' }],
  [
    'a variable of a wrong type',
    { query: 'query ($n: Int!) { double(n: $n) }', variables: { n: {} } },
  ],
  [
    'too many aliases',
    { query: `{ ${Array.from({ length: 31 }, (_, n) => `a${n}: hello`).join(' ')} }` },
  ],
  ['too many directives', { query: `{ hello ${'@include(if: true) '.repeat(51)} }` }],
  ['too much depth', { query: deep(13) }],
  ['too many tokens', { query: `{ ${'hello '.repeat(15_000)} }` }],
  [
    'a fragment cycle',
    { query: '{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }' },
  ],
  ['a prototype name as operation', { query: '{ hello }', operationName: '__proto__' }],
  ['a prototype name as variable', { query: '{ hello }', variables: { constructor: 1 } }],
];

describe.each(requests)('%s', (_title, request) => {
  it('gets the same verdict on every transport', async () => {
    const verdicts: Record<string, Verdict> = {};

    for (const [name, ask] of Object.entries(transports))
      verdicts[name] = await ask(converse(), request);

    const [first] = Object.values(verdicts);
    expect(first).toSatisfy(
      (verdict: Verdict) => 'data' in verdict || typeof verdict.code === 'string',
    );
    expect(verdicts).toEqual(
      Object.fromEntries(Object.keys(transports).map((name) => [name, first])),
    );
  });

  it('passes the same hooks on every transport that has a client', async () => {
    for (const ask of Object.values(clientTransports)) {
      const called: string[] = [];
      const conversation = converse({
        onConnect: () => {
          called.push('onConnect');
          return {};
        },
        onSubscribe: () => {
          called.push('onSubscribe');
        },
        onComplete: () => called.push('onComplete'),
        onDisconnect: () => called.push('onDisconnect'),
      });

      await ask(conversation, request);
      await conversation.clock.settle();

      expect(called).toEqual(['onConnect', 'onSubscribe', 'onComplete', 'onDisconnect']);
    }
  });
});
