import type { Frame } from '../../vocabulary.ts';
import type { ClientProtocol, IncomingMessage } from '../client-protocol.ts';
import { encodeMessage, isJsonObject, readJsonObject } from '../json-frame.ts';
import { toOperationId } from '../operation-id.ts';
import { isFinalRefusal, readAppsyncErrors } from './client-errors.ts';
import { subprotocol } from './messages.ts';

/**
 * The real-time protocol of AWS AppSync as a client speaks it.
 *
 * @remarks
 * `encodeStart` takes a request as servers show it to their hooks: `extensions.data` is its text, `extensions.authorization` says who asks. The client never
 * asks a server whether it lives, nor answers when it is asked.
 */
export const appsyncClient: ClientProtocol = {
  name: 'appsync',
  subprotocol,
  isStrict: false,
  encodeInit: () => '{"type":"connection_init"}',
  encodeStart: (id, { extensions: { data, authorization } = {} }) =>
    encodeMessage({ id, type: 'start', payload: { data, extensions: { authorization } } }),
  encodeStop: (id) => encodeMessage({ id, type: 'stop' }),
  decode: readServerMessage,
};

/** What clients assume where the server announces nothing usable, in milliseconds. */
const usualTimeoutMs = 300_000;

/** The longest that timers can wait. */
const longestTimeoutMs = 2 ** 31 - 1;

function readServerMessage(frame: Frame): IncomingMessage | undefined {
  const { id, type, payload } = readJsonObject(frame);
  switch (type) {
    case 'connection_ack':
      return {
        type,
        silenceMs: readTimeout(payload),
        ...(isJsonObject(payload) && { payload }),
      };
    case 'connection_error':
      return { type, payload, retryable: !isFinalRefusal(payload) };
    case 'ka':
      // the ack says for how long the server is never silent, so that this one need not be counted from
      return { type: 'pong' };
    case 'start_ack':
    case 'data':
    case 'error':
    case 'complete':
      return readAnswer(type, id, payload);
    default:
      return undefined;
  }
}

function readAnswer(
  type: 'start_ack' | 'data' | 'error' | 'complete',
  given: unknown,
  payload: unknown,
): IncomingMessage | undefined {
  const isNamed = typeof given === 'string' && given !== '';
  if (type === 'error' && !isNamed)
    return { type: 'connection_error', payload, retryable: !isFinalRefusal(payload) };
  if (!isNamed) return undefined;
  const id = toOperationId(given);
  switch (type) {
    case 'data':
      return isJsonObject(payload) ? { id, type: 'next', payload } : undefined;
    case 'error':
      return { id, type, payload: readAppsyncErrors(payload) };
    case 'start_ack':
    case 'complete':
      return { id, type };
  }
}

/** The simulator has another name for it, and some write it as a text. */
function readTimeout(payload: unknown): number {
  const { connectionTimeoutMs, connectionTimeout } = isJsonObject(payload) ? payload : {};
  const announced = Number(connectionTimeoutMs ?? connectionTimeout);
  return announced > 0 ? Math.min(announced, longestTimeoutMs) : usualTimeoutMs;
}
