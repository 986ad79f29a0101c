import { describe, expect, it } from 'vitest';

import { ProtocolViolation } from '../../../src/errors.ts';
import { protocolsMeant, readAuthorization } from '../../../src/protocol/appsync/handshake.ts';

const base64url = (value: unknown): string =>
  Buffer.from(JSON.stringify(value)).toString('base64url');

describe('readAuthorization', () => {
  it.each([
    ['an API key', { host: 'h', 'x-api-key': 'da2-k', 'x-amz-date': '20260101T000000Z' }],
    [
      'a token of Cognito, OpenID Connect or a Lambda authorizer',
      { host: 'h', Authorization: 'jwt' },
    ],
    [
      'a signature of IAM',
      {
        host: 'h',
        accept: 'application/json, text/javascript',
        'content-encoding': 'amz-1.0',
        'content-type': 'application/json; charset=UTF-8',
        'X-Amz-Date': '20260101T000000Z',
        'X-Amz-Security-Token': 's',
        Authorization: 'AWS4-HMAC-SHA256 Credential=…, SignedHeaders=…, Signature=…',
      },
    ],
  ])('AS-22 reads %s under names in small letters', (_mode, sent) => {
    const expected = Object.fromEntries(
      Object.entries(sent).map(([name, value]) => [name.toLowerCase(), value]),
    );

    for (const handshake of [
      { url: '/', headers: { 'sec-websocket-protocol': `graphql-ws, header-${base64url(sent)}` } },
      { url: `/?header=${base64url(sent)}&payload=e30=`, headers: {} },
    ]) {
      expect(readAuthorization(handshake)).toEqual(expected);
    }
  });

  it('AS-5 takes the headers of the request, less those of the upgrade itself', () => {
    const headers = {
      host: 'api.example.com',
      'x-api-key': 'k',
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-key': 'x',
      'sec-websocket-version': '13',
      'sec-websocket-protocol': 'graphql-ws',
    };

    expect(readAuthorization({ url: '/graphql/realtime', headers })).toEqual({
      host: 'api.example.com',
      'x-api-key': 'k',
    });
  });

  it('takes the subprotocol before the query, and that before the headers', () => {
    const token = { 'sec-websocket-protocol': `graphql-ws, header-${base64url({ a: 1 })}` };
    const query = `/?header=${base64url({ a: 2 })}&payload=e30=`;

    expect(readAuthorization({ url: query, headers: { ...token, a: '3' } })).toEqual({ a: 1 });
    expect(readAuthorization({ url: query, headers: { a: '3' } })).toEqual({ a: 2 });
  });

  it('keeps names that objects have of themselves', () => {
    const text = '{"__proto__":{"admin":true},"constructor":1}';
    const url = `/?header=${Buffer.from(text).toString('base64url')}&payload=e30=`;

    const authorization = readAuthorization({ url, headers: {} });

    expect(JSON.stringify(authorization)).toBe(text);
    expect(Reflect.get(authorization, 'admin')).toBeUndefined();
  });

  it.each(['%%%', 'e', 'e30===', 'bnVsbA==', 'W10=', '4pyT', 'e30%00', 'e3%0A0='])(
    'AS-6 refuses %j',
    (header) => {
      const handshake = { url: `/?header=${header}&payload=e30=`, headers: {} };

      expect(() => readAuthorization(handshake)).toThrow(ProtocolViolation);
    },
  );
});

describe('protocolsMeant', () => {
  const both = ['subscriptions-transport-ws', 'appsync'] as const;

  it('is AppSync alone for a handshake that bears a mark of it', () => {
    expect(protocolsMeant({ url: '/graphql/realtime?a', headers: {} }, both)).toEqual(['appsync']);
  });

  it('is everything that is spoken for any other, and where AppSync is not', () => {
    expect(protocolsMeant({ url: '/graphql?a=/realtime', headers: {} }, both)).toBe(both);
    expect(protocolsMeant({ url: '/realtime', headers: {} }, [both[0]])).toEqual([both[0]]);
  });
});
