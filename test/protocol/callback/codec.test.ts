import { describe, expect, it } from 'vitest';

import {
  encodeComplete,
  encodeMessage,
  encodeNext,
  hasCallback,
  parseCallback,
  withoutVerifier,
} from '../../../src/protocol/callback/codec.ts';
import { subscriptionWith } from './emitter-parts.ts';

const given = {
  callbackUrl: 'https://router.internal/cb/8f1c',
  subscriptionId: '8f1c',
  verifier: 'a91e',
  heartbeatIntervalMs: 5_000,
};

describe('what a subscriber asks for', () => {
  it('is read from the extensions', () => {
    expect(parseCallback({ subscription: given })).toEqual({
      ...given,
      callbackUrl: new URL(given.callbackUrl),
    });
  });

  it('CB-16 is read in the spelling of the preview version', () => {
    const subscription = {
      callback_url: given.callbackUrl,
      subscription_id: '8f1c',
      verifier: 'a91e',
      heartbeat_interval_ms: 0,
    };

    expect(parseCallback({ subscription })).toEqual(subscriptionWith());
  });

  it('has an interval of 5 s if it says nothing of it', () => {
    const { heartbeatIntervalMs: _interval, ...subscription } = given;

    expect(parseCallback({ subscription }).heartbeatIntervalMs).toBe(5_000);
  });

  it.each([
    ['callbackUrl', undefined],
    ['callbackUrl', 7],
    ['callbackUrl', 'router.internal'],
    ['callbackUrl', `https://router.internal/${'x'.repeat(4_096)}`],
    ['subscriptionId', ''],
    ['subscriptionId', {}],
    ['verifier', null],
    ['heartbeatIntervalMs', '5000'],
    ['heartbeatIntervalMs', 0.5],
    ['heartbeatIntervalMs', -1],
    ['heartbeatIntervalMs', Number.MAX_VALUE],
  ])('is refused for its %s %j, which is named', (name, value) => {
    expect(() => parseCallback({ subscription: { ...given, [name]: value } })).toThrow(
      expect.objectContaining({ code: 'BAD_REQUEST', message: expect.stringContaining(name) }),
    );
  });

  it.each(['text', 7, [], true])('is refused if it is %j', (subscription) => {
    expect(() => parseCallback({ subscription })).toThrow(
      expect.objectContaining({
        code: 'BAD_REQUEST',
        message: '`extensions.subscription` must be an object',
      }),
    );
  });

  it.each([
    [undefined, false],
    [{}, false],
    [{ subscription: null }, false],
    [{ subscription: {} }, true],
    [{ subscription: 7 }, true],
  ])('is there or not: %j', (extensions, isThere) => {
    expect(hasCallback(extensions)).toBe(isThere);
  });

  it('is shown without its verifier', () => {
    const { verifier: _verifier, ...shown } = given;

    expect(withoutVerifier({ subscription: given, other: 1 })).toEqual({
      subscription: shown,
      other: 1,
    });
    expect(withoutVerifier({ subscription: 7 })).toEqual({ subscription: 7 });
    expect(withoutVerifier()).toEqual({});
  });
});

describe('a message', () => {
  const subscription = subscriptionWith();

  it('CB-2 that checks has the four base members', () => {
    expect(encodeMessage(subscription, { action: 'check' })).toBe(
      '{"kind":"subscription","action":"check","id":"8f1c","verifier":"a91e"}',
    );
  });

  it('with a result has the text of that as its payload', () => {
    expect(encodeNext(subscription, '{"data":{"tick":1}}')).toBe(
      '{"kind":"subscription","action":"next","id":"8f1c","verifier":"a91e","payload":{"data":{"tick":1}}}',
    );
  });

  it('CB-6 that completes has no errors if there are none', () => {
    expect(encodeComplete(subscription)).toBe(
      '{"kind":"subscription","action":"complete","id":"8f1c","verifier":"a91e"}',
    );
  });

  it('CB-7 that completes has errors if it failed', () => {
    expect(JSON.parse(encodeComplete(subscription, [{ message: 'broken' }]))).toMatchObject({
      action: 'complete',
      errors: [{ message: 'broken' }],
    });
  });

  it('that completes can be written whatever its errors hold', () => {
    const error = { message: 'broken', extensions: { amount: 1n } };

    expect(JSON.parse(encodeComplete(subscription, [error]))).toMatchObject({
      errors: [{ message: 'broken' }],
    });
  });

  it.each(['"', '\\', '\n', '\u2028', '\ud800', '__proto__', '},"action":"complete"'])(
    'carries the id %j as it is',
    (subscriptionId) => {
      const text = encodeNext(subscriptionWith({ subscriptionId }), '{}');

      expect(JSON.parse(text)).toMatchObject({ action: 'next', id: subscriptionId, payload: {} });
    },
  );
});
