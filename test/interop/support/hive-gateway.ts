import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import { createGatewayRuntime } from '@graphql-hive/gateway-runtime';
import { MemPubSub } from '@graphql-hive/pubsub';
import http from '@graphql-mesh/transport-http';
import httpCallback from '@graphql-mesh/transport-http-callback';
import { onTestFinished } from 'vitest';

/** Port of a gateway, once it listens, and how often it wants heartbeats. */
export interface ReservedGateway {
  readonly origin: string;
  /** Begins to serve the fixture application that is behind `subgraphUrl`, and subscribes to it by callbacks or over event streams. */
  serve(subgraphUrl: string, subscribes?: 'callback' | 'sse'): void;
}

const heartbeatMs = 1_000;

/** A Hive Gateway that may subscribe by HTTP callbacks: it has to have its port before whoever is to call it is told. */
export async function reserveGateway(): Promise<ReservedGateway> {
  const httpServer = createServer();
  httpServer.listen(0, '127.0.0.1');
  await once(httpServer, 'listening');
  // it listens on TCP
  const { port } = httpServer.address() as AddressInfo;
  const origin = `http://127.0.0.1:${port}`;
  onTestFinished(() => {
    httpServer.close();
    httpServer.closeAllConnections();
  });
  return {
    origin,
    serve(subgraphUrl, subscribes = 'callback') {
      const gateway = createGatewayRuntime({
        supergraph: supergraphOver(subgraphUrl),
        pubsub: new MemPubSub(),
        webhooks: true,
        logging: false,
        transports: { http, 'http-callback': httpCallback },
        ...(subscribes === 'callback' && {
          transportEntries: { '*.http': { options: { subscriptions: callbackTo(origin) } } },
        }),
      });
      httpServer.on('request', (request, response) => void gateway(request, response));
      onTestFinished(async () => gateway[Symbol.asyncDispose]());
    },
  };
}

function callbackTo(origin: string) {
  return {
    kind: 'http-callback',
    options: {
      path: '/callback',
      public_url: `${origin}/callback`,
      heartbeat_interval: heartbeatMs,
    },
  };
}

function supergraphOver(url: string): string {
  return /* GraphQL */ `
    schema
      @link(url: "https://specs.apollo.dev/link/v1.0")
      @link(url: "https://specs.apollo.dev/join/v0.3", for: EXECUTION) {
      query: Query
      subscription: Subscription
    }
    directive @join__field(graph: join__Graph, type: String) repeatable on FIELD_DEFINITION
    directive @join__graph(name: String!, url: String!) on ENUM_VALUE
    directive @join__type(graph: join__Graph!) repeatable on OBJECT | SCALAR
    directive @link(url: String, for: link__Purpose) repeatable on SCHEMA
    enum link__Purpose {
      SECURITY
      EXECUTION
    }
    enum join__Graph {
      FIXTURE @join__graph(name: "fixture", url: "${url}")
    }
    type Query @join__type(graph: FIXTURE) {
      hello: String!
    }
    type Message @join__type(graph: FIXTURE) {
      text: String!
    }
    type Subscription @join__type(graph: FIXTURE) {
      message(room: ID!): Message
      countdown(from: Int!): Int
      flaky: Int
      breaks: Int
    }
  `;
}
