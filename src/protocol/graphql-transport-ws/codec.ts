import { ProtocolViolation } from '../../errors.ts';
import type { Frame } from '../../vocabulary.ts';
import type { OperationId } from '../connection.ts';
import { readErrors } from '../errors-payload.ts';
import {
  encodeMessage,
  isJsonObject,
  malformed,
  parseJsonObject,
  readJsonObject,
} from '../json-frame.ts';
import type { JsonObject } from '../json-frame.ts';
import { parseOperationRequest } from '../operation-request.ts';
import type { ClientMessage, ForeignRefusal, ServerMessage } from './messages.ts';

/** Writes a client's message; throws a `TypeError` for a payload that JSON cannot hold. */
export const encodeClientMessage: (message: ClientMessage) => string = encodeMessage;

/** Writes a server's message; throws a `TypeError` for a payload that JSON cannot hold. */
export const encodeServerMessage: (message: ServerMessage) => string = encodeMessage;

/**
 * Reads what a client sent.
 *
 * @throws ProtocolViolation with `BAD_REQUEST` for whatever a client may not send
 */
export function parseClientMessage(frame: Frame): ClientMessage {
  const message = parseJsonObject(frame);
  const { type, payload } = message;
  switch (type) {
    case 'connection_init':
    case 'ping':
    case 'pong':
      return { type, ...parseOptionalPayload(payload) };
    case 'subscribe':
      return { id: parseId(message), type, payload: parseOperationRequest(payload) };
    case 'complete':
      return { id: parseId(message), type };
    default:
      throw malformed('type');
  }
}

/**
 * Reads what a server sent.
 *
 * @throws ProtocolViolation with `BAD_REQUEST` for whatever a server may not send
 */
export function parseServerMessage(frame: Frame): ServerMessage | ForeignRefusal {
  const message = readServerMessage(frame);
  if (message === undefined) {
    throw new ProtocolViolation('BAD_REQUEST', 'No server may send such a message.');
  }
  return message;
}

/** As {@link parseServerMessage}, but gives `undefined` for what a server may not send: this is what a browser has to carry. */
export function readServerMessage(frame: Frame): ServerMessage | ForeignRefusal | undefined {
  const { id, type, payload } = readJsonObject(frame);
  switch (type) {
    case 'next':
    case 'error':
    case 'complete':
      return isId(id) ? readAnswer(id, type, payload) : undefined;
    case 'connection_ack':
    case 'ping':
    case 'pong':
      if (payload === undefined || payload === null) return { type };
      return isJsonObject(payload) ? { type, payload } : undefined;
    case 'connection_error':
      return { type, payload };
    default:
      return undefined;
  }
}

function readAnswer(
  id: OperationId,
  type: 'next' | 'error' | 'complete',
  payload: unknown,
): ServerMessage | undefined {
  if (type === 'complete') return { id, type };
  if (type === 'next') return isJsonObject(payload) ? { id, type, payload } : undefined;
  // A bare text or object is tolerated: servers exist that report the end of the connection like that.
  const errors = readErrors(payload);
  return errors && { id, type, payload: errors };
}

function isId(id: unknown): id is OperationId {
  return typeof id === 'string' && id !== '';
}

function parseId({ id }: JsonObject): OperationId {
  if (!isId(id)) throw malformed('id');
  return id;
}

function parseOptionalPayload(payload: unknown): { readonly payload?: JsonObject } {
  if (payload === undefined || payload === null) return {};
  if (!isJsonObject(payload)) throw malformed('payload');
  return { payload };
}
