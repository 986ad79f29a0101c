import fc from 'fast-check';

import type { OperationId } from '../../src/protocol/connection.ts';
import type { JsonObject } from '../../src/protocol/json-frame.ts';
import { toOperationId } from '../../src/protocol/operation-id.ts';
import type { FormattedError, OperationRequest } from '../../src/vocabulary.ts';

/** What survives a round trip through JSON, so that -0 is left out. */
const jsonValue: fc.Arbitrary<unknown> = fc
  .jsonValue({ maxDepth: 3 })
  .map((value) => JSON.parse(JSON.stringify(value)) as unknown);

export const anyText: fc.Arbitrary<string> = fc.string({ unit: 'binary', maxLength: 30 });

const anyKey = fc.oneof(anyText, fc.constantFrom('__proto__', 'constructor', 'auth', 'id', 'type'));

export const jsonObject: fc.Arbitrary<JsonObject> = fc
  .array(fc.tuple(anyKey, jsonValue), { maxLength: 5 })
  .map((entries) => Object.fromEntries(entries));

export const textId: fc.Arbitrary<OperationId> = fc
  .oneof(
    anyText.filter((id) => id !== ''),
    fc.constantFrom('__proto__', 'constructor', '1'),
  )
  .map(toOperationId);

export const textOrNumberId: fc.Arbitrary<OperationId> = fc.oneof(
  textId,
  fc.oneof(fc.maxSafeInteger(), fc.constantFrom(0, 1, 1.5)).map((id) => toOperationId(id + 0)),
);

export const request: fc.Arbitrary<OperationRequest> = fc.record(
  { query: anyText, operationName: anyText, variables: jsonObject, extensions: jsonObject },
  { requiredKeys: ['query'] },
);

export const errors: fc.Arbitrary<readonly FormattedError[]> = fc.array(
  fc.record({ message: anyText, extensions: jsonObject }, { requiredKeys: ['message'] }),
  { minLength: 1, maxLength: 3 },
);

/** The payload that starts an operation over AppSync. */
const appsyncStart = fc.tuple(request, jsonObject).map(([asked, authorization]) => ({
  data: JSON.stringify(asked),
  extensions: { authorization },
}));

const messageTypes = [
  'connection_init',
  'connection_ack',
  'connection_error',
  'connection_terminate',
  'subscribe',
  'start',
  'complete',
  'stop',
  'next',
  'data',
  'error',
  'ping',
  'pong',
  'ka',
  'unknown',
];

/** Frames from random bytes to almost correct messages with one of few ids. */
export const anyFrame: fc.Arbitrary<string | Uint8Array> = fc.oneof(
  { weight: 1, arbitrary: fc.string({ unit: 'binary' }) },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 20 }) },
  { weight: 1, arbitrary: jsonValue.map((value) => JSON.stringify(value)) },
  {
    weight: 8,
    arbitrary: fc
      .record(
        {
          id: fc.oneof({ weight: 4, arbitrary: fc.constantFrom('a', 'b', '1', '2', 1) }, jsonValue),
          type: fc.oneof({ weight: 9, arbitrary: fc.constantFrom(...messageTypes) }, jsonValue),
          payload: fc.oneof(
            { weight: 3, arbitrary: request },
            { weight: 3, arbitrary: appsyncStart },
            { weight: 1, arbitrary: jsonObject },
            { weight: 1, arbitrary: errors },
            { weight: 1, arbitrary: jsonValue },
          ),
        },
        { requiredKeys: [] },
      )
      .map((message) => JSON.stringify(message)),
  },
);
