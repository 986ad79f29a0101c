import { ApolloClient, InMemoryCache } from '@apollo/client';
import { createClient } from 'millrace/client';
import { resumable } from 'millrace/client/resume';
import { websocket } from 'millrace/client/websocket';
import { createApolloLink } from 'millrace/links/apollo';

import { setConnectionState } from '../live-list/view/connection-state.ts';

const client = createClient({
  url: '/graphql',
  transport: websocket(),
  resume: resumable(),
  retry: { maxDelayMs: 5_000 },
});

/** Everything goes over one socket; after a gap the link lets the client ask for the list again. */
export const apollo = new ApolloClient({
  link: createApolloLink(client, { onState: setConnectionState }),
  cache: new InMemoryCache({
    // what comes is the whole list
    typePolicies: { Query: { fields: { items: { merge: false } } } },
  }),
});
