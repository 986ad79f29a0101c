import { ProtocolViolation } from '../../errors.ts';
import type { ClientProtocol } from '../client-protocol.ts';
import { writeJson } from '../json-frame.ts';
import { encodeClientMessage, parseServerMessage } from './codec.ts';
import { subprotocol } from './messages.ts';

/** `subscriptions-transport-ws`, the legacy protocol, with every variant of it that servers in use speak. */
export const subscriptionsTransportWs: ClientProtocol = {
  name: 'subscriptions-transport-ws',
  subprotocol,
  isStrict: false,
  // As the reference client does: servers of its time read members of the payload without looking whether there is one.
  encodeInit: (payload = {}) => encodeClientMessage({ type: 'connection_init', payload }),
  encodeStart: (id, payload) => writeJson({ id, type: 'start', payload }),
  encodeStop: (id) => encodeClientMessage({ id, type: 'stop' }),
  decode: (frame) => {
    const message = parseServerMessage(frame);
    if (message.type === 'unreadable') throw new ProtocolViolation('BAD_REQUEST', message.message);
    return message.type === 'data' ? { ...message, type: 'next' } : message;
  },
  farewellFrame: '{"type":"connection_terminate"}',
};
