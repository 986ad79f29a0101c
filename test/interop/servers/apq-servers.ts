import { createHash } from 'node:crypto';
import type { RequestListener, Server } from 'node:http';
import type { AddressInfo } from 'node:net';

import { ApolloServer } from '@apollo/server';
import { expressMiddleware } from '@as-integrations/express5';
import { useAPQ } from '@graphql-yoga/plugin-apq';
import express from 'express';
import { fastify } from 'fastify';
import { useServer } from 'graphql-ws/use/ws';
import { createYoga } from 'graphql-yoga';
import { mercurius } from 'mercurius';
import { onTestFinished } from 'vitest';
import { WebSocketServer } from 'ws';

import { createForeignApp } from './foreign-app.ts';
import { graphql } from './graphql.ts';
import { listen, noHttp } from './listening.ts';

async function apollo(options: { readonly persistedQueries?: false } = {}): Promise<string> {
  const { schema } = createForeignApp();
  const library = new ApolloServer({ schema, stopOnTerminationSignals: false, ...options });
  await library.start();
  const routes = express();
  routes.use('/graphql', express.json(), expressMiddleware(library));
  return serveUntilTheEnd(routes, () => library.stop());
}

async function yoga(): Promise<string> {
  const { schema } = createForeignApp();
  const library = createYoga({ schema, logging: false, plugins: [useAPQ()] });
  return serveUntilTheEnd(
    (request, response) => void library(request, response),
    () => library.dispose(),
  );
}

async function serveMercurius(): Promise<string> {
  const { schema } = createForeignApp();
  const app = fastify();
  await app.register(mercurius, {
    schema,
    persistedQueryProvider: mercurius.persistedQueryDefaults.automatic(),
  });
  await app.listen({ port: 0, host: '127.0.0.1' });
  onTestFinished(() => app.close());
  return urlOf(app.server);
}

/** Its documentation has persisted queries as a recipe; this one also learns. */
async function graphqlWs(): Promise<string> {
  const { schema } = createForeignApp();
  const texts = new Map<unknown, string>();
  const httpServer = await listen(noHttp, 0);
  const library = useServer(
    {
      onSubscribe(_, __, { query, operationName, variables, extensions }) {
        const { persistedQuery } = Object(extensions) as {
          readonly persistedQuery?: { readonly sha256Hash?: unknown };
        }; // an object has any member, or none
        const hash = persistedQuery?.sha256Hash;
        if (query && createHash('sha256').update(query).digest('hex') === hash)
          texts.set(hash, query);
        const text = query || texts.get(hash);
        if (text === undefined) return [new graphql.GraphQLError('PersistedQueryNotFound')];
        const document = graphql.parse(text);
        return { schema, document, operationName, variableValues: variables };
      },
    },
    new WebSocketServer({ server: httpServer, path: '/graphql' }),
  );
  onTestFinished(async () => {
    await library.dispose();
    httpServer.close();
  });
  return urlOf(httpServer);
}

async function serveUntilTheEnd(listener: RequestListener, end: () => unknown): Promise<string> {
  const server = await listen(listener, 0);
  onTestFinished(async () => {
    await end();
    server.closeAllConnections();
    server.close();
  });
  return urlOf(server);
}

function urlOf(server: Pick<Server, 'address'>): string {
  const { port } = server.address() as AddressInfo; // it listens on a port
  return `http://127.0.0.1:${port}/graphql`;
}

/** Servers with automatic persisted queries over HTTP; each ends with its test. */
export const apqServers = {
  '@apollo/server': apollo,
  'graphql-yoga': yoga,
  mercurius: serveMercurius,
};

/** One that refuses every hash, also beside a text. */
export const apolloWithoutHashes = (): Promise<string> => apollo({ persistedQueries: false });

/** One over WebSocket. */
export const apqGraphqlWs = graphqlWs;
