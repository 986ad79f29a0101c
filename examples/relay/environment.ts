import { createClient } from 'millrace/client';
import { resumable } from 'millrace/client/resume';
import { websocket } from 'millrace/client/websocket';
import { createRelayNetwork } from 'millrace/links/relay';
import { Environment, Network, RecordSource, Store, fetchQuery } from 'relay-runtime';

import { setConnectionState } from '../live-list/view/connection-state.ts';
import { itemsQuery } from './documents.ts';
import type { ItemsQuery } from './documents.ts';

const client = createClient({ url: '/graphql', transport: websocket(), resume: resumable() });

let isFirst = true;

const network = createRelayNetwork(client, {
  onState(state) {
    setConnectionState(state);
    // what was added after the first answer and before this belongs to no event
    if (state === 'live' && isFirst) {
      isFirst = false;
      refetch();
    }
  },
  onGap: refetch,
});

/** What components read from, over a client of this package. */
export const environment = new Environment({
  network: Network.create(network.fetch, network.subscribe),
  store: new Store(new RecordSource()),
});

/** Components that show the list see the answer in the store. */
function refetch(): void {
  const list = fetchQuery<ItemsQuery>(environment, itemsQuery, {}, { fetchPolicy: 'network-only' });
  // an answer that does not come because the connection broke is asked for again when that is back
  list.subscribe({ error: () => {} });
}
