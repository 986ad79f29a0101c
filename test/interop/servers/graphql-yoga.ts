import { useDeferStream } from '@graphql-yoga/plugin-defer-stream';
import type { ExecutionArgs } from 'graphql';
import { useServer } from 'graphql-ws/use/ws';
import { createYoga } from 'graphql-yoga';
import type { YogaServerInstance } from 'graphql-yoga';
import { graphqlTransportWs } from 'millrace/client/websocket';
import { WebSocketServer } from 'ws';

import type { ForeignApp, ForeignContext } from './foreign-app.ts';
import { graphql } from './graphql.ts';
import { graphqlWsPeculiarities } from './graphql-ws.ts';
import { listen } from './listening.ts';
import { overHttpAndEventStreams } from './over-http.ts';
import { overWebSocket } from './over-web-socket.ts';
import type { WebSocketServerUnderTest } from './over-web-socket.ts';
import type { ServerUnderTest, ServingLibrary } from './server-under-test.ts';

/** What the WebSockets of graphql-ws hand to yoga; requests over HTTP have none of it. */
interface SocketContext {
  readonly connectionParams?: { readonly token?: unknown };
}

type Yoga = YogaServerInstance<SocketContext, ForeignContext>;

function createFixtureYoga({ schema, admit }: ForeignApp): Yoga {
  return createYoga<SocketContext, ForeignContext>({
    schema,
    logging: false,
    maskedErrors: false,
    plugins: [useDeferStream()],
    context({ request, connectionParams }) {
      const admitted = admit(connectionParams?.token ?? request?.headers.get('authorization'));
      if (admitted) return admitted;
      throw new graphql.GraphQLError('Unauthorized', { extensions: { http: { status: 401 } } });
    },
  });
}

/** What yoga makes of a request, for graphql-ws to execute. */
interface EnvelopedArgs extends ExecutionArgs {
  readonly enveloped: ReturnType<Yoga['getEnveloped']>;
}

/** As its documentation has it. */
function attachWebSockets(
  yoga: Yoga,
  { admit }: ForeignApp,
  httpServer: ServingLibrary['httpServer'],
): ReturnType<typeof useServer> {
  return useServer(
    {
      onConnect: ({ connectionParams }) => admit(connectionParams?.['token']) !== undefined,
      execute: (args) => (args as EnvelopedArgs).enveloped.execute(args), // made below
      subscribe: (args) => (args as EnvelopedArgs).enveloped.subscribe(args), // made below
      async onSubscribe({ connectionParams }, _, { query, operationName, variables }) {
        const enveloped = yoga.getEnveloped({ connectionParams });
        const { schema, parse, validate, contextFactory } = enveloped;
        const document = parse(query);
        const errors = validate(schema, document);
        if (errors.length > 0) return errors;
        const contextValue = await contextFactory();
        return {
          enveloped,
          schema,
          document,
          operationName,
          variableValues: variables,
          contextValue,
        };
      },
    },
    new WebSocketServer({ server: httpServer, path: '/graphql' }),
  );
}

async function serve(app: ForeignApp, port: number): Promise<ServingLibrary> {
  const yoga = createFixtureYoga(app);
  const httpServer = await listen((request, response) => void yoga(request, response), port);
  const webSockets = attachWebSockets(yoga, app, httpServer);
  return {
    httpServer,
    async stop() {
      await webSockets.dispose();
      httpServer.close();
      await yoga.dispose();
    },
  };
}

export const graphqlYoga: ServerUnderTest = {
  packageName: 'graphql-yoga',
  over: 'HTTP, SSE',
  clientOptions: overHttpAndEventStreams,
  serve,
};

export const graphqlYogaWebSocket: WebSocketServerUnderTest = {
  packageName: 'graphql-yoga',
  part: '`graphql-ws`',
  ...overWebSocket(graphqlTransportWs),
  peculiarities: graphqlWsPeculiarities,
  serve,
};
