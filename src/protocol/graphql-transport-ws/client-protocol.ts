import type { ClientProtocol } from '../client-protocol.ts';
import { writeJson } from '../json-frame.ts';
import { encodeClientMessage, readServerMessage } from './codec.ts';
import { subprotocol } from './messages.ts';

/** `graphql-transport-ws`, the protocol of the library graphql-ws. */
export const graphqlTransportWs: ClientProtocol = {
  name: subprotocol,
  subprotocol,
  isStrict: true,
  encodeInit: (payload) =>
    encodeClientMessage({ type: 'connection_init', ...(payload && { payload }) }),
  encodeStart: (id, payload) => writeJson({ id, type: 'subscribe', payload }),
  encodeStop: (id) => encodeClientMessage({ id, type: 'complete' }),
  decode: readServerMessage,
  encodePing: () => '{"type":"ping"}',
  // Without the payload of the ping: nobody may rely on its echo.
  pongFrame: '{"type":"pong"}',
};
