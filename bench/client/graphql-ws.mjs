import { createClient } from 'graphql-ws';
import { WebSocket } from 'ws';

import { answerMeasures, query, url } from './answer-measures.mjs';

const client = createClient({ url, webSocketImpl: WebSocket, lazyCloseTimeout: 60_000 });

answerMeasures(
  (variables, next) =>
    new Promise((resolve, reject) => {
      client.subscribe({ query, variables }, { next, error: reject, complete: resolve });
    }),
);
