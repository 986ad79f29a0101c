import { createClient } from 'millrace/client';
import { websocket } from 'millrace/client/websocket';

import { answerMeasures, query, url } from './answer-measures.mjs';

const client = createClient({ url, transport: websocket(), onInternalError: fail });

answerMeasures(
  (variables, next) =>
    new Promise((resolve, reject) => {
      client.subscribe({ query, variables }).subscribe({ next, error: reject, complete: resolve });
    }),
);

/** @param {unknown} error what an observer threw */
function fail(error) {
  throw error;
}
