import {
  parseGraphqlTransportWsClientMessage,
  parseSubscriptionsTransportWsClientMessage,
} from '../../protocol/index.ts';
import type { Frame } from '../../vocabulary.ts';
import type { GatewayProtocol } from './connection-record.ts';

/** The init message of both protocols. */
export const initFrame = '{"type":"connection_init"}';

/** A message that starts an operation; which one is not looked at. */
export function startFrame(protocol: GatewayProtocol, id: string | number): string {
  const type = protocol === 'graphql-transport-ws' ? 'subscribe' : 'start';
  return JSON.stringify({ id, type, payload: { query: '{ __typename }' } });
}

/** The id of the operation that a message stops; `undefined` for any other message. */
export function stopIdOf(protocol: GatewayProtocol, frame: Frame): string | number | undefined {
  if (protocol === 'subscriptions-transport-ws') {
    const message = parseSubscriptionsTransportWsClientMessage(frame);
    return message.type === 'stop' ? message.id : undefined;
  }
  try {
    const message = parseGraphqlTransportWsClientMessage(frame);
    return message.type === 'complete' ? message.id : undefined;
  } catch {
    return undefined; // the machine has read it before, and closes
  }
}

/**
 * Whether a message waits until the connection was accepted: clients of the older protocol send their first operations behind the init message, and
 * functions that run side by side may even read them before it.
 */
export function isEarly(protocol: GatewayProtocol, frame: Frame): boolean {
  if (protocol !== 'subscriptions-transport-ws' || typeof frame !== 'string') return false;
  const { type } = parseSubscriptionsTransportWsClientMessage(frame);
  return type === 'start' || type === 'stop';
}

/** Messages that may wait so. */
const mostHeld = 100;
/** Their length together: they are part of a record, which stores bound. */
const heldCharacters = 131_072;

export function hasRoomFor(frame: string, held: readonly string[]): boolean {
  const characters = held.reduce((sum, { length }) => sum + length, frame.length);
  return held.length < mostHeld && characters <= heldCharacters;
}
