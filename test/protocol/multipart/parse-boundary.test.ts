import { describe, expect, it } from 'vitest';

import { parseBoundary } from '../../../src/protocol/multipart/parse-boundary.ts';

describe('the boundary', () => {
  it.each([
    ['multipart/mixed;boundary=graphql', 'graphql'],
    ['multipart/mixed; boundary=graphql; subscriptionSpec=1.0', 'graphql'],
    ['multipart/mixed;subscriptionSpec=1.0;boundary=graphql', 'graphql'],
    ['multipart/mixed;boundary="graphql"', 'graphql'],
    ['multipart/mixed;boundary="a b;c=d,e"', 'a b;c=d,e'],
    ['multipart/mixed;boundary="a\\"b\\\\c"', 'a"b\\c'],
    ['multipart/mixed;boundary=-', '-'],
    ['multipart/mixed;boundary="-"', '-'],
    ['multipart/mixed;boundary="---"', '---'],
    ['multipart/mixed; BOUNDARY=GraphQL', 'GraphQL'],
    ['multipart/mixed; boundary = graphql ;a=b', 'graphql'],
    ['multipart/mixed;deferSpec=20220824;boundary=x=y', 'x=y'],
    ['multipart/mixed;note="; boundary=wrong";boundary=right', 'right'],
    ['multipart/mixed;x-boundary=wrong;boundary=right', 'right'],
    ['multipart/mixed;boundary=graphql;subscriptionSpec=1.0,application/json', 'graphql'],
    ['multipart/mixed;subscriptionSpec=1.0;boundary=graphql,application/json', 'graphql'],
    [`multipart/mixed;boundary=${'b'.repeat(70)}`, 'b'.repeat(70)],
  ])('MP-31 of %j is %j', (contentType, boundary) => {
    expect(parseBoundary(contentType)).toBe(boundary);
  });

  it.each([
    'multipart/mixed',
    'multipart/mixed;subscriptionSpec=1.0',
    'multipart/mixed;boundary=',
    'multipart/mixed;boundary=""',
    'multipart/mixed;boundary="unfinished',
    'multipart/mixed;note="boundary=graphql"',
    'boundary=graphql',
    `multipart/mixed;boundary=${'b'.repeat(71)}`,
    '',
  ])('is missed in %j', (contentType) => {
    expect(() => parseBoundary(contentType)).toThrow(
      expect.objectContaining({ name: 'ProtocolViolation', code: 'BAD_RESPONSE' }),
    );
  });

  it.each([';a="', ';a="\\', ';a ', '; ', ';a="\\"', 'a', ' '])(
    'is looked for once per byte in a header of megabytes that repeats %j',
    (piece) => {
      expect(() => parseBoundary(`;${piece.repeat(1_000_000)}`)).toThrow('needs a boundary');
    },
  );
});
