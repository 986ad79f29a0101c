import { CombinedGraphQLErrors } from '@apollo/client';
import type { ApolloCache, ErrorLike } from '@apollo/client';
import { useMutation, useQuery, useSubscription } from '@apollo/client/react';
import type { ReactElement } from 'react';

import { addItem, itemAdded, itemsQuery } from './documents.ts';
import { ItemsView } from '../live-list/view/items-view.tsx';
import type { Item } from '../live-list/view/items-view.tsx';

/** A list from a query, to which a subscription adds. */
export function LiveList(): ReactElement {
  // before the query: who listens first and asks then misses nothing
  const { error: subscriptionError } = useSubscription(itemAdded, {
    onData: ({ client, data }) => {
      if (data.data) addToList(client.cache, data.data.itemAdded);
    },
  });
  const { data, error: queryError } = useQuery(itemsQuery);
  const [send, { error: mutationError }] = useMutation(addItem);

  const add = async (text: string): Promise<boolean> => {
    const { error } = await send({ variables: { text }, errorPolicy: 'all' });
    return error === undefined;
  };
  const problem = mutationError
    ? `Not added. ${toText(mutationError)}`
    : toText(queryError ?? subscriptionError);
  return (
    <ItemsView
      title="Live list, with Apollo Client"
      items={data?.items}
      problem={problem}
      add={add}
    />
  );
}

/** What the server says of it is for people; what becomes of connections is not. */
function toText(error: ErrorLike | undefined): string | undefined {
  if (!error) return undefined;
  return CombinedGraphQLErrors.is(error) ? error.message : 'The server cannot be reached.';
}

function addToList(cache: ApolloCache, item: Item): void {
  cache.updateQuery({ query: itemsQuery }, (list) => {
    // an answer that comes just now may have it, too
    if (!list || list.items.some(({ id }) => id === item.id)) return undefined;
    return { items: [...list.items, item] };
  });
}
