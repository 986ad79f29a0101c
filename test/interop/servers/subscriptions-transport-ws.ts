import { subscriptionsTransportWs as legacyProtocol } from 'millrace/client/websocket';
import { SubscriptionServer } from 'subscriptions-transport-ws';

import { graphql } from './graphql.ts';
import { listen, noHttp } from './listening.ts';
import { overWebSocket } from './over-web-socket.ts';
import type { WebSocketServerUnderTest } from './over-web-socket.ts';

export const subscriptionsTransportWs: WebSocketServerUnderTest = {
  packageName: 'subscriptions-transport-ws',
  ...overWebSocket(legacyProtocol),
  async serve({ schema, admit }, port) {
    const httpServer = await listen(noHttp, port);
    const library = SubscriptionServer.create(
      {
        schema,
        execute: graphql.execute,
        subscribe: graphql.subscribe,
        keepAlive: 20,
        onConnect: (connectionParams: { readonly token?: unknown }) =>
          admit(connectionParams.token) ?? false,
      },
      { server: httpServer, path: '/graphql' },
    );
    return {
      httpServer,
      stop() {
        library.close();
        httpServer.close();
      },
    };
  },
};
