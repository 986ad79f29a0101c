import { ApolloServer } from '@apollo/server';
import { expressMiddleware } from '@as-integrations/express5';
import express from 'express';

import { graphql } from './graphql.ts';
import { attachGraphqlWs, graphqlWsPeculiarities } from './graphql-ws.ts';
import { listen } from './listening.ts';
import { overHttpAndWebSocket } from './over-http.ts';
import type { ServerUnderTest } from './server-under-test.ts';

export const apolloServer: ServerUnderTest = {
  packageName: '@apollo/server',
  part: '`express`, subscriptions by `graphql-ws`',
  over: 'HTTP, `graphql-transport-ws`',
  clientOptions: overHttpAndWebSocket,
  peculiarities: graphqlWsPeculiarities,
  async serve(app, port) {
    const library = new ApolloServer({ schema: app.schema, stopOnTerminationSignals: false });
    await library.start();
    const routes = express();
    routes.use(
      '/graphql',
      express.json(),
      expressMiddleware(library, {
        async context({ req: { headers } }) {
          const admitted = app.admit(headers.authorization);
          if (admitted) return admitted;
          throw new graphql.GraphQLError('Unauthorized', { extensions: { http: { status: 401 } } });
        },
      }),
    );
    const httpServer = await listen(routes, port);
    const webSocketLibrary = attachGraphqlWs(httpServer, app);
    return {
      httpServer,
      async stop() {
        await webSocketLibrary.dispose();
        await library.stop();
        httpServer.close();
      },
    };
  },
};
