import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import * as modern from '../../src/protocol/graphql-transport-ws/codec.ts';
import type {
  ClientMessage as ModernClientMessage,
  ServerMessage as ModernServerMessage,
} from '../../src/protocol/graphql-transport-ws/messages.ts';
import * as legacy from '../../src/protocol/subscriptions-transport-ws/codec.ts';
import type {
  ClientMessage as LegacyClientMessage,
  ServerMessage as LegacyServerMessage,
} from '../../src/protocol/subscriptions-transport-ws/messages.ts';
import {
  anyFrame,
  errors,
  jsonObject,
  request,
  textId,
  textOrNumberId,
} from '../support/protocol-arbitraries.ts';

const modernClientMessage: fc.Arbitrary<ModernClientMessage> = fc.oneof(
  fc.record(
    { type: fc.constantFrom('connection_init', 'ping', 'pong'), payload: jsonObject },
    { requiredKeys: ['type'] },
  ),
  fc.record({ id: textId, type: fc.constant('subscribe'), payload: request }),
  fc.record({ id: textId, type: fc.constant('complete') }),
);

const modernServerMessage: fc.Arbitrary<ModernServerMessage> = fc.oneof(
  fc.record(
    { type: fc.constantFrom('connection_ack', 'ping', 'pong'), payload: jsonObject },
    { requiredKeys: ['type'] },
  ),
  fc.record({ id: textId, type: fc.constant('next'), payload: jsonObject }),
  fc.record({ id: textId, type: fc.constant('error'), payload: errors }),
  fc.record({ id: textId, type: fc.constant('complete') }),
);

const legacyClientMessage: fc.Arbitrary<LegacyClientMessage> = fc.oneof(
  fc.record(
    { type: fc.constantFrom('connection_init', 'connection_error'), payload: jsonObject },
    { requiredKeys: ['type'] },
  ),
  fc.record({ type: fc.constant('connection_terminate') }),
  fc.record({ id: textOrNumberId, type: fc.constant('start'), payload: request }),
  fc.record({ id: textOrNumberId, type: fc.constant('stop') }),
);

const legacyServerMessage: fc.Arbitrary<LegacyServerMessage> = fc.oneof(
  fc.record(
    { type: fc.constant('connection_ack'), payload: jsonObject },
    { requiredKeys: ['type'] },
  ),
  fc.record(
    { id: fc.constant(null), type: fc.constant('connection_error'), payload: jsonObject },
    { requiredKeys: ['type'] },
  ),
  fc.record({ type: fc.constant('ka') }),
  fc.record({ id: textOrNumberId, type: fc.constant('data'), payload: jsonObject }),
  fc.record({ id: textOrNumberId, type: fc.constant('error'), payload: errors }),
  fc.record({ id: textOrNumberId, type: fc.constant('complete') }),
);

/** Parses `frame` as text and as bytes; both have to give the same. */
function both<Message>(parse: (frame: string | Uint8Array) => Message, frame: string): Message {
  const message = parse(frame);
  expect(parse(new TextEncoder().encode(frame))).toEqual(message);
  return message;
}

describe('what a codec writes it reads again', () => {
  it('for clients of graphql-transport-ws', () => {
    fc.assert(
      fc.property(modernClientMessage, (message) => {
        const frame = modern.encodeClientMessage(message);
        expect(both(modern.parseClientMessage, frame)).toEqual(message);
      }),
    );
  });

  it('for servers of graphql-transport-ws', () => {
    fc.assert(
      fc.property(modernServerMessage, (message) => {
        const frame = modern.encodeServerMessage(message);
        expect(both(modern.parseServerMessage, frame)).toEqual(message);
      }),
    );
  });

  it('for clients of subscriptions-transport-ws', () => {
    fc.assert(
      fc.property(legacyClientMessage, (message) => {
        const frame = legacy.encodeClientMessage(message);
        expect(both(legacy.parseClientMessage, frame)).toEqual(message);
      }),
    );
  });

  it('for servers of subscriptions-transport-ws', () => {
    fc.assert(
      fc.property(legacyServerMessage, (message) => {
        const frame = legacy.encodeServerMessage(message);
        expect(both(legacy.parseServerMessage, frame)).toEqual(message);
      }),
    );
  });
});

describe('what is not a message', () => {
  it('is an event, not an exception, for subscriptions-transport-ws', () => {
    fc.assert(
      fc.property(anyFrame, (frame) => {
        expect(typeof legacy.parseClientMessage(frame).type).toBe('string');
        expect(typeof legacy.parseServerMessage(frame).type).toBe('string');
      }),
    );
  });
});
