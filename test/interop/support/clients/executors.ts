import { buildGraphQLWSExecutor } from '@graphql-tools/executor-graphql-ws';
import { buildHTTPExecutor } from '@graphql-tools/executor-http';
import { buildWSLegacyExecutor } from '@graphql-tools/executor-legacy-ws';
import { parse } from 'graphql';
import type { DocumentNode } from 'graphql';
import { WebSocket } from 'ws';

import { drainInto, executeBySubscribing, recordSeen } from '../client-under-test.ts';
import type { ClientUnderTest, ConnectedClient, LibraryResult } from '../client-under-test.ts';
import { createPatientClient } from '../graphql-ws-client.ts';

export const executorHttp: ClientUnderTest = {
  packageName: '@graphql-tools/executor-http',
  transport: 'SSE by GET',
  resumes: false,
  connect: ({ httpUrl }) => drive(buildHTTPExecutor({ endpoint: httpUrl })),
};

export const executorGraphqlWs: ClientUnderTest = {
  packageName: '@graphql-tools/executor-graphql-ws',
  transport: '`graphql-transport-ws`',
  resumes: true,
  connect: (server) => drive(buildGraphQLWSExecutor(createPatientClient(server))),
};

export const executorLegacyWs: ClientUnderTest = {
  packageName: '@graphql-tools/executor-legacy-ws',
  transport: '`subscriptions-transport-ws`',
  resumes: false,
  connect: ({ webSocketUrl }) => drive(buildWSLegacyExecutor(webSocketUrl, webSocketModule)),
};

/** By its types the executor wants the whole module of `ws`; what it uses is the class. */
const webSocketModule = WebSocket as unknown as Parameters<typeof buildWSLegacyExecutor>[1];

/** What the executors have in common of what they are called with. */
interface ExecutionRequest {
  readonly document: DocumentNode;
  readonly variables: Record<string, unknown>;
}

type Executor = (request: ExecutionRequest) => unknown;

function drive(executor: Executor): ConnectedClient {
  const subscribe: ConnectedClient['subscribe'] = (query, variables) => {
    const operation = recordSeen();
    const request = { document: parse(query), variables: { ...variables } };
    const results = Promise.resolve(executor(request)).then(toIterator);
    void results
      .then((iterator) => drainInto({ [Symbol.asyncIterator]: () => iterator }, operation))
      .catch(operation.error);
    const unsubscribe = (): void => void results.then((iterator) => iterator.return?.());
    return { reports: operation.reports, unsubscribe };
  };
  return { subscribe, execute: executeBySubscribing(subscribe) };
}

function toIterator(answer: unknown): AsyncIterator<LibraryResult> {
  if (typeof answer === 'object' && answer !== null && Symbol.asyncIterator in answer) {
    return (answer as AsyncIterable<LibraryResult>)[Symbol.asyncIterator](); // by what it has
  }
  return oneOf(answer as LibraryResult); // executors answer with results
}

async function* oneOf(result: LibraryResult): AsyncGenerator<LibraryResult> {
  yield result;
}
