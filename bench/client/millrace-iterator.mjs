import { createClient } from 'millrace/client';
import { websocket } from 'millrace/client/websocket';

import { answerMeasures, query, url } from './answer-measures.mjs';

const client = createClient({ url, transport: websocket() });

answerMeasures(async (variables, receive) => {
  for await (const result of client.subscribe({ query, variables })) receive(result);
});
