import { describe, expect, it } from 'vitest';

import {
  toHandshake,
  toRealtimeUrl,
  withHost,
  writeRequest,
} from '../../../src/protocol/appsync/client-handshake.ts';
import { readAuthorization } from '../../../src/protocol/appsync/handshake.ts';

const url = 'wss://api.example.com/graphql/realtime';
const authorization = { host: 'api.example.com', 'x-api-key': 'da2-k' };

/** Objects whose base64 has every character in it, and every length of padding. */
const awkward = ['', 'a', 'ab', 'λ → ü', '>>>???', '\u{1F680}', '~'.repeat(5_000)].map((token) => ({
  host: 'h',
  Authorization: token,
}));

describe('the real-time endpoint', () => {
  it.each([
    [
      'https://abcdefghijklmnopqrstuvwxyz.appsync-api.eu-west-1.amazonaws.com/graphql',
      'https://abcdefghijklmnopqrstuvwxyz.appsync-realtime-api.eu-west-1.amazonaws.com/graphql',
    ],
    [
      'https://abcdefghijklmnopqrstuvwxyz.appsync-api.cn-north-1.amazonaws.com.cn/graphql',
      'https://abcdefghijklmnopqrstuvwxyz.appsync-realtime-api.cn-north-1.amazonaws.com.cn/graphql',
    ],
    ['https://api.example.com/graphql', 'https://api.example.com/graphql/realtime'],
    ['http://localhost:20002/graphql', 'http://localhost:20002/graphql/realtime'],
    ['https://api.example.com/', 'https://api.example.com/realtime'],
    ['https://api.example.com/graphql/?a=b', 'https://api.example.com/graphql/realtime?a=b'],
    [
      'https://x.appsync-api.eu-west-1.amazonaws.com.example.com/graphql',
      'https://x.appsync-api.eu-west-1.amazonaws.com.example.com/graphql/realtime',
    ],
  ])('AS-40 of %s is %s', (endpoint, expected) => {
    expect(toRealtimeUrl(new URL(endpoint)).href).toBe(expected);
  });
});

describe('the host in an authorization', () => {
  it('AS-41 is that of the GraphQL endpoint', () => {
    expect(withHost({ 'x-api-key': 'k' }, 'api.example.com:8080')).toEqual({
      host: 'api.example.com:8080',
      'x-api-key': 'k',
    });
  });

  it.each(['host', 'Host'])('AS-41 is left to a caller that says %s', (name) => {
    expect(withHost({ [name]: 'signed.example.com' }, 'api.example.com')).toEqual({
      [name]: 'signed.example.com',
    });
  });
});

describe('a handshake', () => {
  it('AS-42 has the authorization in its query, and an empty payload, both percent-encoded', () => {
    const handshake = toHandshake('query', `${url}?tenant=a`, { host: 'h', t: '>>>???' });
    const header = btoa('{"host":"h","t":">>>???"}');

    expect(header).toMatch(/[+/].*=$/);
    expect(handshake).toEqual({
      url: `${url}?tenant=a&header=${encodeURIComponent(header)}&payload=e30%3D`,
      subprotocols: ['graphql-ws'],
    });
  });

  it('AS-43 offers the authorization behind the subprotocol, as a token', () => {
    const handshake = toHandshake('subprotocol', url, { host: 'abc' });

    expect(handshake).toEqual({ url, subprotocols: ['graphql-ws', 'header-eyJob3N0IjoiYWJjIn0'] });
  });

  it.each(awkward)('AS-43 makes a token of whatever is in the authorization: %j', (given) => {
    const [, token = ''] = toHandshake('subprotocol', url, given).subprotocols;

    expect(token).toMatch(/^header-[\w-]+$/);
  });

  it('has the authorization in its headers', () => {
    expect(toHandshake('headers', url, authorization)).toEqual({
      url,
      subprotocols: ['graphql-ws'],
      headers: authorization,
    });
  });

  it.each(
    awkward.flatMap((given) =>
      (['subprotocol', 'query'] as const).map((variant) => ({ variant, given })),
    ),
  )(
    'AS-42 AS-43 is read by our server as it was written: $variant, $given',
    ({ variant, given }) => {
      const handshake = toHandshake(variant, url, given);
      const { pathname, search } = new URL(handshake.url);

      const read = readAuthorization({
        url: `${pathname}${search}`,
        headers: { 'sec-websocket-protocol': handshake.subprotocols.join(', ') },
      });

      expect(read).toEqual({ host: 'h', authorization: given.Authorization });
    },
  );
});

describe('the text of a request', () => {
  it('AS-44 has query and variables, the latter even if there are none', () => {
    expect(writeRequest({ query: 'subscription { a }' })).toBe(
      '{"query":"subscription { a }","variables":{}}',
    );
  });

  it('AS-44 has what else a request has', () => {
    const request = {
      query: 'subscription S($n: Int) { a(n: $n) }',
      operationName: 'S',
      variables: { n: 1 },
      extensions: { resume: { token: 't' } },
    };

    expect(JSON.parse(writeRequest(request))).toEqual(request);
  });

  it('cannot be written of what JSON cannot hold', () => {
    expect(() => writeRequest({ query: '', variables: { n: 1n } })).toThrow(TypeError);
  });
});
