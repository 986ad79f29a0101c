import type { Frame } from '../../vocabulary.ts';
import type { OperationId } from '../connection.ts';
import { readErrors } from '../errors-payload.ts';
import { encodeMessage, isJsonObject, malformed, parseJsonObject } from '../json-frame.ts';
import type { JsonObject } from '../json-frame.ts';
import { toOperationId } from '../operation-id.ts';
import { parseOperationRequest } from '../operation-request.ts';
import type { ClientMessage, ServerMessage, Unreadable } from './messages.ts';

/** Writes a client's message; throws a `TypeError` for a payload that JSON cannot hold. */
export const encodeClientMessage: (message: ClientMessage) => string = encodeMessage;

/** Writes a server's message; throws a `TypeError` for a payload that JSON cannot hold. */
export function encodeServerMessage(message: ServerMessage): string {
  if (message.type === 'complete') return encodeMessage({ ...message, payload: null });
  if (message.type !== 'error') return encodeMessage(message);
  const { payload } = message;
  return encodeMessage({ ...message, payload: payload.length === 1 ? payload[0] : payload });
}

/** Reads what a client sent; never throws. */
export function parseClientMessage(frame: Frame): ClientMessage | Unreadable {
  let message: JsonObject;
  try {
    message = parseJsonObject(frame);
  } catch {
    return notJsonObject;
  }
  const { type, payload } = message;
  switch (type) {
    case 'connection_init':
      return parseInit(payload);
    case 'connection_error':
      return { type, ...(payload === undefined ? {} : { payload }) };
    case 'connection_terminate':
      return { type };
    case 'start':
    case 'stop':
      return parseOperationMessage(type, message);
    default:
      return unreadable(malformed('type').message, readId(message));
  }
}

/** Reads what a server sent; never throws, and takes errors in every shape that servers give them. */
export function parseServerMessage(frame: Frame): ServerMessage | Unreadable {
  let message: JsonObject;
  try {
    message = parseJsonObject(frame);
  } catch {
    return notJsonObject;
  }
  const { type, payload } = message;
  switch (type) {
    case 'data':
    case 'error':
    case 'complete':
      return parseOperationAnswer(type, message);
    case 'ka':
      return { type };
    case 'connection_ack':
      return { type, ...(isJsonObject(payload) ? { payload } : {}) };
    case 'connection_error':
      return {
        ...(message['id'] === null ? { id: null } : {}),
        type,
        ...(payload === undefined ? {} : { payload }),
      };
    default:
      return unreadable(malformed('type').message);
  }
}

const notJsonObject = unreadable('A message must be a JSON object.');
const unusableId = unreadable(malformed('id').message);

function parseInit(payload: unknown): ClientMessage | Unreadable {
  const type = 'connection_init';
  if (payload === undefined || payload === null) return { type };
  return isJsonObject(payload) ? { type, payload } : unreadable(malformed('payload').message);
}

function parseOperationMessage(
  type: 'start' | 'stop',
  message: JsonObject,
): ClientMessage | Unreadable {
  const id = readId(message);
  if (id === undefined) return unusableId;
  if (type === 'stop') return { id, type };
  try {
    return { id, type, payload: parseOperationRequest(message['payload']) };
  } catch (error) {
    return unreadable(error instanceof Error ? error.message : 'The request is malformed.', id);
  }
}

function parseOperationAnswer(
  type: 'data' | 'error' | 'complete',
  message: JsonObject,
): ServerMessage | Unreadable {
  const id = readId(message);
  if (id === undefined) return unusableId;
  const { payload } = message;
  switch (type) {
    case 'data':
      return isJsonObject(payload)
        ? { id, type, payload }
        : unreadable(malformed('payload').message, id);
    case 'error':
      return {
        id,
        type,
        payload: readErrors(payload) ?? [{ message: 'The server gave no message.' }],
      };
    case 'complete':
      return { id, type };
  }
}

/** Strings and numbers, as long as they can be echoed exactly. */
function readId({ id }: JsonObject): OperationId | undefined {
  if (typeof id === 'string') return toOperationId(id);
  return typeof id === 'number' && Math.abs(id) <= Number.MAX_SAFE_INTEGER
    ? toOperationId(id)
    : undefined;
}

function unreadable(message: string, id?: OperationId): Unreadable {
  return { type: 'unreadable', ...(id === undefined ? {} : { id }), message };
}
