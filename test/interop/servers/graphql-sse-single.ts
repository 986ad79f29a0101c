import { sseSingle } from 'millrace/client/sse-single';

import { toEnd } from '../support/client-under-test.ts';
import { failed, next } from '../support/recorded-operation.ts';
import { failingSource } from './capabilities.ts';
import { graphqlSse } from './graphql-sse.ts';
import { watch } from './seen.ts';
import type { ServerUnderTest } from './server-under-test.ts';

/** The same handler: a client chooses the mode. */
export const graphqlSseSingle: ServerUnderTest = {
  packageName: 'graphql-sse',
  over: 'SSE, one stream',
  serve: (app, port) => graphqlSse.serve(app, port),
  clientOptions: (token) => ({
    transport: sseSingle(token === undefined ? {} : { headers: { authorization: token } }),
  }),
  peculiarities: {
    'Failing source': {
      outcome: 'as a failure',
      note: 'It cannot say so and breaks the stream off, with all operations on it; without `retry: false` the client would subscribe again.',
      observed: [next({ data: { breaks: 1 } }), failed({ code: 'CONNECTION_LOST' })],
      observe: ({ connect }) => toEnd(watch(connect({ retry: false }).subscribe(failingSource))),
    },
  },
};
