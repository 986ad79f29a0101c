import { fork } from 'node:child_process';
import { once } from 'node:events';
import type { RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';

import { ApolloServer } from '@apollo/server';
import { expressMiddleware } from '@as-integrations/express5';
import { execute } from '@graphql-tools/executor';
import { useDeferStream } from '@graphql-yoga/plugin-defer-stream';
import express from 'express';
import { createYoga } from 'graphql-yoga';
import type { IncrementalFormat } from 'millrace/client/multipart';
import { onTestFinished } from 'vitest';

import { createSchemaInParts } from './app-in-parts.mjs';
import { graphql } from './graphql.ts';
import { listen } from './listening.ts';

/** A server that answers in parts. */
export interface ServerInParts {
  readonly name: string;
  /** In which it does. */
  readonly format: IncrementalFormat;
  /** Of its answers in that format. */
  readonly contentType: string;
  /** Starts it; it ends with the test. Gives its url. */
  readonly serve: () => Promise<string>;
}

/** Names no version: it has the older one alone, whatever it is asked for. */
export const yoga: ServerInParts = {
  name: 'graphql-yoga',
  format: 'deferSpec=20220824',
  contentType: 'multipart/mixed; boundary="-"',
  serve: serveYoga,
};

export const apolloOnGraphql17: ServerInParts = {
  name: '@apollo/server on graphql 17.0.0-alpha.9',
  format: 'incrementalSpec=v0.2',
  contentType: 'multipart/mixed; boundary="-"; incrementalSpec=v0.2',
  serve: serveApolloOnGraphql17,
};

export const apolloWithPatches: ServerInParts = {
  name: '@apollo/server with an executor of the older format',
  format: 'deferSpec=20220824',
  contentType: 'multipart/mixed; boundary="-"; deferSpec=20220824',
  serve: serveApolloWithPatches,
};

async function serveYoga(): Promise<string> {
  const library = createYoga({
    schema: createSchemaInParts(graphql),
    logging: false,
    maskedErrors: false,
    plugins: [useDeferStream()],
  });
  return serve((request, response) => void library(request, response));
}

/** A process of its own, as all of it has to load another version of graphql than other servers do. */
async function serveApolloOnGraphql17(): Promise<string> {
  const program = fork(fileURLToPath(new URL('apollo-server-in-parts.mjs', import.meta.url)));
  onTestFinished(async () => {
    program.disconnect();
    await once(program, 'exit');
  });
  const [url] = (await once(program, 'message')) as [string]; // what it sends
  return url;
}

async function serveApolloWithPatches(): Promise<string> {
  const library = new ApolloServer({
    schema: createSchemaInParts(graphql),
    stopOnTerminationSignals: false,
    // of another server: without one it has the newer format alone, and that on one version of graphql
    legacyExperimentalExecuteIncrementally: async (args) => execute(args) as never, // declared without `initialResult`
  });
  await library.start();
  const routes = express();
  routes.use('/graphql', express.json(), expressMiddleware(library));
  const url = await serve(routes);
  onTestFinished(() => library.stop());
  return url;
}

async function serve(listener: RequestListener): Promise<string> {
  const httpServer = await listen(listener, 0);
  onTestFinished(async () => {
    httpServer.closeAllConnections();
    httpServer.close();
    await once(httpServer, 'close');
  });
  const { port } = httpServer.address() as AddressInfo; // it listens on a port
  return `http://127.0.0.1:${port}/graphql`;
}
