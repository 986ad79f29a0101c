import type { FormattedError, FormattedResult, Frame } from '../../vocabulary.ts';
import type { OperationId } from '../connection.ts';
import { readErrors } from '../errors-payload.ts';
import { encodeMessage, isJsonObject, malformed, parseJsonObject } from '../json-frame.ts';
import type { JsonObject } from '../json-frame.ts';
import { toOperationId } from '../operation-id.ts';
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
  const message = parseJsonObject(frame);
  const { type, payload } = message;
  switch (type) {
    case 'next':
      return { id: parseId(message), type, payload: parseResult(payload) };
    case 'error':
      return { id: parseId(message), type, payload: parseErrors(payload) };
    case 'complete':
      return { id: parseId(message), type };
    case 'connection_ack':
    case 'ping':
    case 'pong':
      return { type, ...parseOptionalPayload(payload) };
    case 'connection_error':
      return { type, payload };
    default:
      throw malformed('type');
  }
}

function parseId({ id }: JsonObject): OperationId {
  if (typeof id !== 'string' || id === '') throw malformed('id');
  return toOperationId(id);
}

function parseOptionalPayload(payload: unknown): { readonly payload?: JsonObject } {
  if (payload === undefined || payload === null) return {};
  if (!isJsonObject(payload)) throw malformed('payload');
  return { payload };
}

function parseResult(payload: unknown): FormattedResult {
  if (!isJsonObject(payload)) throw malformed('payload');
  return payload;
}

/** A bare text or object is tolerated: servers exist that report the end of the connection like that. */
function parseErrors(payload: unknown): readonly FormattedError[] {
  const errors = readErrors(payload);
  if (errors === undefined) throw malformed('payload');
  return errors;
}
