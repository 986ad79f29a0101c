import { useServer } from 'graphql-ws/use/ws';
import { graphqlTransportWs } from 'millrace/client/websocket';
import { vi } from 'vitest';
import { WebSocketServer } from 'ws';

import { failed } from '../support/recorded-operation.ts';
import type { ForeignApp } from './foreign-app.ts';
import { observeSyntaxError } from './capabilities.ts';
import { listen, noHttp } from './listening.ts';
import { overWebSocket } from './over-web-socket.ts';
import type { WebSocketServerUnderTest } from './over-web-socket.ts';
import type { Peculiarity, ServingLibrary } from './server-under-test.ts';

/** graphql-ws beside whatever else `httpServer` serves. */
export function attachGraphqlWs(
  httpServer: ServingLibrary['httpServer'],
  { schema, admit }: ForeignApp,
): ReturnType<typeof useServer> {
  return useServer(
    {
      schema,
      onConnect: ({ connectionParams }) => admit(connectionParams?.['token']) !== undefined,
      context: ({ connectionParams }) => admit(connectionParams?.['token']),
    },
    new WebSocketServer({ server: httpServer, path: '/graphql' }),
  );
}

/** What every server does that has its WebSockets from graphql-ws. */
export const graphqlWsPeculiarities: Readonly<Record<string, Peculiarity>> = {
  'Syntax error': {
    outcome: 'as a failure',
    note: 'It closes the connection with 4500, which ends every operation on it.',
    observed: [failed({ code: 'CONNECTION_REFUSED', closeCode: 4500 })],
    async observe(trial) {
      // it tells the console of its server, too
      const consoleError = vi.spyOn(console, 'error').mockImplementation(() => {});
      const seen = await observeSyntaxError(trial);
      consoleError.mockRestore();
      return seen;
    },
  },
};

export const graphqlWs: WebSocketServerUnderTest = {
  packageName: 'graphql-ws',
  part: '`ws`',
  ...overWebSocket(graphqlTransportWs),
  peculiarities: graphqlWsPeculiarities,
  async serve(app, port) {
    const httpServer = await listen(noHttp, port);
    const library = attachGraphqlWs(httpServer, app);
    return {
      httpServer,
      async stop() {
        await library.dispose();
        httpServer.close();
      },
    };
  },
};
