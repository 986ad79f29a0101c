import { createClient } from 'millrace/client';
import { resumable } from 'millrace/client/resume';
import { websocket } from 'millrace/client/websocket';
import { createUrqlExchange } from 'millrace/links/urql';
import { Client, cacheExchange } from 'urql';

import { setConnectionState } from '../live-list/view/connection-state.ts';

const url = '/graphql';
const client = createClient({
  url,
  transport: websocket(),
  resume: resumable(),
  retry: { maxDelayMs: 5_000 },
});

/** Everything goes over one socket; after a gap the exchange asks for the list again. */
export const urql = new Client({
  url,
  preferGetMethod: false,
  exchanges: [cacheExchange, createUrqlExchange(client, { onState: setConnectionState })],
});
