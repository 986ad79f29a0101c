import { createHandler } from 'graphql-sse/lib/use/http';

import { toEnd } from '../support/client-under-test.ts';
import { failed, next } from '../support/recorded-operation.ts';
import { failingSource } from './capabilities.ts';
import { graphql } from './graphql.ts';
import { listen } from './listening.ts';
import { overEventStreams } from './over-http.ts';
import { watch } from './seen.ts';
import type { ServerUnderTest } from './server-under-test.ts';

export const graphqlSse: ServerUnderTest = {
  packageName: 'graphql-sse',
  over: 'SSE',
  clientOptions: overEventStreams,
  peculiarities: {
    'Syntax error': {
      outcome: 'as a failure',
      note: 'It answers 400 with `application/json`, which may come from anybody on the way: the `payload` of the failure has the errors.',
      observed: [failed({ code: 'CONNECTION_REFUSED', status: 400 })],
    },
    'Failing source': {
      outcome: 'as a failure',
      note: 'It cannot say so and breaks the stream off; without `retry: false` the client would subscribe again.',
      observed: [next({ data: { breaks: 1 } }), failed({ code: 'CONNECTION_LOST' })],
      observe: ({ connect }) => toEnd(watch(connect({ retry: false }).subscribe(failingSource))),
    },
  },
  async serve({ schema, admit }, port) {
    const handler = createHandler({
      schema,
      execute: graphql.execute,
      subscribe: graphql.subscribe,
      onConnect: ({ headers }) =>
        admit(headers.get('authorization'))
          ? undefined
          : [null, { status: 401, statusText: 'Unauthorized' }],
      context: ({ headers }) => ({ ...admit(headers.get('authorization')) }),
    });
    const httpServer = await listen((request, response) => {
      // that a source failed is nothing that it could say once a stream has begun
      handler(request, response).catch(() => response.destroy());
    }, port);
    return { httpServer, stop: () => void httpServer.close() };
  },
};
