import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';

import { AmplifyAppSyncSimulator } from '@aws-amplify/amplify-appsync-simulator';
import type { AmplifyAppSyncSimulatorConfig } from '@aws-amplify/amplify-appsync-simulator';
import { OperationServer } from '@aws-amplify/amplify-appsync-simulator/lib/server/operations.js';
import { AppSyncSimulatorSubscriptionServer } from '@aws-amplify/amplify-appsync-simulator/lib/server/websocket-subscription.js';
import { onTestFinished } from 'vitest';

import { listen } from './listening.ts';

const apiKey = 'da2-simulated';

const typeDefinitions = /* GraphQL */ `
  type Message {
    text: String!
  }
  type Query {
    echo(text: String!): String
  }
  type Mutation {
    post(text: String!): Message
  }
  type Subscription {
    message: Message @aws_subscribe(mutations: ["post"])
  }
`;

/** Its data source is what it was given. */
const resolve = (typeName: string, fieldName: string, result: string) => ({
  kind: 'UNIT',
  typeName,
  fieldName,
  dataSourceName: 'none',
  requestMappingTemplate: `{ "version": "2018-05-29", "payload": ${result} }`,
  responseMappingTemplate: '$util.toJson($context.result)',
});

const config = {
  schema: { content: typeDefinitions },
  resolvers: [
    resolve('Query', 'echo', '$util.toJson($context.arguments.text)'),
    resolve('Mutation', 'post', '$util.toJson($context.arguments)'),
  ],
  dataSources: [{ name: 'none', type: 'NONE' }],
  appSync: {
    name: 'simulated',
    apiKey,
    defaultAuthenticationType: { authenticationType: 'API_KEY' },
    additionalAuthenticationProviders: [],
  },
} as unknown as AmplifyAppSyncSimulatorConfig; // where its types want enums, which are these texts

/** Amplify's simulator of AppSync at a port of 127.0.0.1. */
export interface RunningSimulator {
  /** The GraphQL endpoint. */
  readonly url: string;
  readonly port: number;
  readonly apiKey: string;
  /** Ends everything at once. */
  close(): Promise<void>;
}

/**
 * Starts it; it ends with the test at the latest.
 *
 * @remarks
 * By itself it listens on every address of the machine, so its two halves are put on a listener of ours.
 */
export async function startSimulator(atPort = 0): Promise<RunningSimulator> {
  const simulator = new AmplifyAppSyncSimulator();
  simulator.init(config);
  const { app } = new OperationServer({ port: 0 }, simulator);
  const httpServer: Server = await listen(app, atPort);
  const sockets = new AppSyncSimulatorSubscriptionServer(simulator, httpServer);
  sockets.start();
  const connections = new Set<{ destroy(): unknown }>();
  httpServer.on('connection', (connection) => connections.add(connection));
  const { port } = httpServer.address() as AddressInfo; // it listens on a port
  const close = async (): Promise<void> => {
    await sockets.stop();
    for (const connection of connections) connection.destroy();
    await new Promise((done) => httpServer.close(done));
  };
  onTestFinished(close);
  return { url: `http://127.0.0.1:${port}/graphql`, port, apiKey, close };
}
