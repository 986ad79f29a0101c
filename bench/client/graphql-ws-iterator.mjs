import { createClient } from 'graphql-ws';
import { WebSocket } from 'ws';

import { answerMeasures, query, url } from './answer-measures.mjs';

const client = createClient({ url, webSocketImpl: WebSocket, lazyCloseTimeout: 60_000 });

answerMeasures(async (variables, receive) => {
  for await (const result of client.iterate({ query, variables })) receive(result);
});
