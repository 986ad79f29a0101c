import { fastify } from 'fastify';
import { mercurius } from 'mercurius';
import { graphqlTransportWs, subscriptionsTransportWs } from 'millrace/client/websocket';

import { completed, next } from '../support/recorded-operation.ts';
import { overHttpAndWebSocket } from './over-http.ts';
import { overWebSocket } from './over-web-socket.ts';
import type { WebSocketServerUnderTest } from './over-web-socket.ts';
import { forbiddenToken } from './foreign-app.ts';
import type { ForeignApp } from './foreign-app.ts';
import type { ServerUnderTest, ServingLibrary } from './server-under-test.ts';

async function serve({ schema, admit }: ForeignApp, port: number): Promise<ServingLibrary> {
  const app = fastify();
  await app.register(mercurius, {
    schema,
    context({ headers: { authorization } }) {
      const admitted = admit(authorization);
      if (admitted) return admitted;
      throw new mercurius.ErrorWithProps('Unauthorized', {}, 401);
    },
    subscription: {
      verifyClient: ({ req: { headers } }, answer) =>
        answer(headers.authorization !== forbiddenToken),
      fullWsTransport: true,
      keepAlive: 20,
      onConnect: ({ payload }: { readonly payload?: { readonly token?: unknown } }) =>
        admit(payload?.token) ?? false,
    },
  });
  await app.listen({ port, host: '127.0.0.1' });
  return { httpServer: app.server, stop: () => void app.close() };
}

const unknownField = [
  next({ errors: ['The subscription field "nope" is not defined.'] }),
  completed,
];

const peculiarities: ServerUnderTest['peculiarities'] = {
  'Request error': {
    outcome: 'as a result',
    note: 'It says of a query only that it is not valid, and does not validate subscriptions: execution finds the fault.',
    observed: {
      query: { errors: ['Graphql validation error'] },
      subscription: unknownField,
    },
  },
};

export const mercuriusTransportWs: WebSocketServerUnderTest = {
  packageName: 'mercurius',
  part: '`fullWsTransport`',
  ...overWebSocket(graphqlTransportWs),
  peculiarities,
  serve,
};

export const mercuriusLegacy: WebSocketServerUnderTest = {
  packageName: 'mercurius',
  part: '`fullWsTransport`',
  ...overWebSocket(subscriptionsTransportWs),
  peculiarities,
  serve,
};

export const mercuriusHttp: ServerUnderTest = {
  packageName: 'mercurius',
  over: 'HTTP, `graphql-transport-ws`',
  clientOptions: overHttpAndWebSocket,
  peculiarities: {
    'Request error': {
      outcome: 'as a failure, as a result',
      note: 'It answers 400 with `application/json`, which may come from anybody on the way: the `payload` of the failure has the errors.',
      observed: { query: { code: 'CONNECTION_REFUSED', status: 400 }, subscription: unknownField },
    },
  },
  serve,
};
