import { ProtocolViolation } from '../../errors.ts';
import type { Frame, OperationRequest } from '../../vocabulary.ts';
import type { OperationId } from '../connection.ts';
import { encodeMessage, isJsonObject, malformed, parseJsonObject } from '../json-frame.ts';
import type { JsonObject } from '../json-frame.ts';
import { toOperationId } from '../operation-id.ts';
import { parseOperationRequest } from '../operation-request.ts';
import { parseAuthorization } from './authorization.ts';
import type { ClientMessage, ServerMessage, Unreadable } from './messages.ts';

/** Writes a server's message; throws a `TypeError` for a payload that JSON cannot hold. */
export const encodeServerMessage: (message: ServerMessage) => string = encodeMessage;

/** Reads what a client sent; never throws. */
export function parseClientMessage(frame: Frame): ClientMessage | Unreadable {
  let message: JsonObject;
  try {
    message = parseJsonObject(frame);
  } catch {
    return unreadable('A message must be a JSON object.');
  }
  const { type } = message;
  switch (type) {
    case 'connection_init':
    case 'connection_terminate':
    case 'pong':
      return { type };
    case 'start':
    case 'stop':
      return parseOperationMessage(type, message);
    default:
      return {
        ...unreadable('Clients do not send messages of this type.', readId(message)),
        code: 'UNSUPPORTED_OPERATION',
      };
  }
}

function parseOperationMessage(
  type: 'start' | 'stop',
  message: JsonObject,
): ClientMessage | Unreadable {
  const id = readId(message);
  if (id === undefined) return unreadable(malformed('id').message);
  if (type === 'stop') return { id, type };
  const { payload } = message;
  if (isJsonObject(payload) && !hasAuthorization(payload)) {
    const refusal = unreadable('`payload.extensions.authorization` is missing.', id);
    return { ...refusal, code: 'UNAUTHORIZED' };
  }
  try {
    return { id, type, payload: parseStart(payload) };
  } catch (error) {
    return unreadable(error instanceof Error ? error.message : 'The request is malformed.', id);
  }
}

function hasAuthorization({ extensions }: JsonObject): boolean {
  const none = [undefined, null];
  return isJsonObject(extensions) && !none.includes(extensions['authorization'] as null); // compared, not used
}

/** Hooks find in `extensions` what came beside the request: its authorization, and the text that an IAM signature is over. */
function parseStart(payload: unknown): OperationRequest {
  if (!isJsonObject(payload)) throw malformed('payload');
  const { data } = payload;
  if (typeof data !== 'string') throw malformed('payload.data');
  const request = parseOperationRequest(parseData(data));
  const extensions = isJsonObject(payload['extensions']) ? payload['extensions'] : {};
  const authorization = parseAuthorization(extensions['authorization']);
  return { ...request, extensions: { ...request.extensions, ...extensions, authorization, data } };
}

function parseData(data: string): unknown {
  try {
    return JSON.parse(data);
  } catch (cause) {
    throw new ProtocolViolation('BAD_REQUEST', '`payload.data` must be a JSON text.', { cause });
  }
}

function readId({ id }: JsonObject): OperationId | undefined {
  return typeof id === 'string' && id !== '' ? toOperationId(id) : undefined;
}

function unreadable(message: string, id?: OperationId): Unreadable {
  return { type: 'unreadable', ...(id === undefined ? {} : { id }), code: 'BAD_REQUEST', message };
}
