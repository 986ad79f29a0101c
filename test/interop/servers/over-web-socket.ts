import { websocket } from 'millrace/client/websocket';
import type { ClientProtocol } from 'millrace/client/websocket';

import type { ServerUnderTest } from './server-under-test.ts';

/** A server that our client reaches over one socket. */
export interface WebSocketServerUnderTest extends ServerUnderTest {
  readonly protocol: ClientProtocol;
}

/** How our client reaches a server by this protocol. */
export function overWebSocket(
  protocol: ClientProtocol,
): Pick<WebSocketServerUnderTest, 'over' | 'protocol' | 'clientOptions'> {
  return {
    over: `\`${protocol.name}\``,
    protocol,
    clientOptions: (token) => ({
      transport: websocket({ protocol }),
      ...(token !== undefined && { connectionParams: { token } }),
    }),
  };
}
