import { describe, expect, it } from 'vitest';

import { ProtocolViolation } from '../../src/errors.ts';
import { negotiate, parseSubprotocols } from '../../src/protocol/negotiation.ts';

const both = ['subscriptions-transport-ws', 'graphql-transport-ws'] as const;
const modern = {
  kind: 'chosen',
  protocol: 'graphql-transport-ws',
  subprotocol: 'graphql-transport-ws',
};
const legacy = {
  kind: 'chosen',
  protocol: 'subscriptions-transport-ws',
  subprotocol: 'graphql-ws',
};
const notAcceptable = { kind: 'none', error: 'SUBPROTOCOL_NOT_ACCEPTABLE' };
const protocolError = { kind: 'none', error: 'PROTOCOL_ERROR' };

describe('negotiate', () => {
  it.each([
    ['TW-1', ['graphql-transport-ws'], modern],
    ['TW-2', ['graphql-ws', 'graphql-transport-ws'], modern],
    ['LW-1', ['graphql-ws'], legacy],
    ['TW-3', ['mqtt', 'GraphQL-Transport-WS'], notAcceptable],
    ['TW-4', [], notAcceptable],
  ])('%s: a server of both protocols answers %j', (_statement, offered, answer) => {
    expect(negotiate(offered, both)).toEqual(answer);
  });

  it.each([
    [['graphql-transport-ws', 'graphql-ws'], modern],
    [['graphql-ws'], notAcceptable],
    [[], notAcceptable],
  ])('a server of graphql-transport-ws alone answers %j', (offered, answer) => {
    expect(negotiate(offered, ['graphql-transport-ws'])).toEqual(answer);
  });

  it.each([
    ['LW-2', ['graphql-transport-ws', 'graphql-ws'], legacy],
    ['LW-3', ['graphql-transport-ws'], protocolError],
    ['LW-3', [], protocolError],
  ])('%s: a server of the older protocol alone answers %j', (_statement, offered, answer) => {
    expect(negotiate(offered, ['subscriptions-transport-ws'])).toEqual(answer);
  });

  it.each([
    [
      ['graphql-ws', 'header-e30'],
      { kind: 'chosen', protocol: 'appsync', subprotocol: 'graphql-ws' },
    ],
    [
      ['header-e30'],
      { ...protocolError, frame: expect.stringContaining('SubProtocolNotSupported') },
    ],
  ])('AS-4: a server of AppSync alone answers %j', (offered, answer) => {
    expect(negotiate(offered, ['appsync'])).toEqual(answer);
  });

  it('gives a token that two protocols have to the older of them', () => {
    expect(negotiate(['graphql-ws'], ['appsync', ...both])).toEqual(legacy);
  });
});

describe('parseSubprotocols', () => {
  it.each([
    [undefined, []],
    ['', []],
    ['graphql-ws', ['graphql-ws']],
    [' graphql-ws ,\tgraphql-transport-ws', ['graphql-ws', 'graphql-transport-ws']],
    ['a,,b,', ['a', 'b']],
    [
      ['a, b', 'c'],
      ['a', 'b', 'c'],
    ],
  ])('WS-6 reads %j', (header, offered) => {
    expect(parseSubprotocols(header)).toEqual(offered);
  });

  it.each([['a b'], ['a/b'], ['a="b"'], ['ключ'], ['a,a'], [['a', 'b, a']]])(
    'refuses %j',
    (header) => {
      expect(() => parseSubprotocols(header)).toThrow(ProtocolViolation);
    },
  );
});
