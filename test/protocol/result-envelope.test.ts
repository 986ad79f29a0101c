import fc from 'fast-check';
import { expect, it } from 'vitest';

import { toOperationId } from '../../src/protocol/operation-id.ts';
import { toIdText } from '../../src/protocol/result-envelope.ts';
import { createServerConnection } from '../../src/protocol/server-connection.ts';

const anyId = fc
  .oneof(
    fc.string({ minLength: 1 }),
    fc.string({ minLength: 1, unit: 'binary' }),
    fc.maxSafeInteger(),
  )
  .map(toOperationId);

it.each(['graphql-transport-ws', 'subscriptions-transport-ws'] as const)(
  'a result of %s has its id, whatever that is, and the payload as it was given',
  (protocol) => {
    const connection = createServerConnection(protocol, 0);
    fc.assert(
      fc.property(anyId, (id) => {
        const frame: unknown = JSON.parse(connection.encodeResult(id, '{"data":{"a":1}}'));

        expect(frame).toMatchObject({ id, payload: { data: { a: 1 } } });
      }),
    );
  },
);

it.each([
  ['{"data":{"a":null},"errors":[{"message":"x"}]}', { a: null }],
  ['{"data":null,"errors":[{"message":"x"}]}', {}],
  ['{"errors":[{"message":"x"}]}', {}],
  ['{"errors":[{"message":"x"}],"data":{"a":1}}', { a: 1 }],
  ['{"extensions":{"resume":{}}}', undefined],
  ['{"data":null}', null],
])('appsync gives %s data that clients do not overlook', (text, data) => {
  const connection = createServerConnection('appsync', 0);

  const frame: unknown = JSON.parse(connection.encodeResult(toOperationId('1'), text));

  const { data: _data, ...rest } = JSON.parse(text) as Record<string, unknown>;
  expect(frame).toEqual({
    id: '1',
    type: 'data',
    payload: { ...rest, ...(data !== undefined && { data }) },
  });
});

it('most ids are their own text', () => {
  const id = toOperationId('4b1f2a0c-9a1e-4d0f-8f3c-1c2d3e4f5a6b');

  expect(toIdText(id)).toBe(id);
});
