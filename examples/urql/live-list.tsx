import type { ReactElement } from 'react';
import type { CombinedError } from 'urql';
import { useMutation, useQuery, useSubscription } from 'urql';

import { ItemsView } from '../live-list/view/items-view.tsx';
import { addItem, itemAdded, itemsQuery } from './documents.ts';

/** The cache asks again for a query that is about items when something else is, too; an empty list does not say by itself what it is of. */
const context = { additionalTypenames: ['Item'] };

/** A list from a query, which is asked for again when a subscription says that there is more. */
export function LiveList(): ReactElement {
  // before the query: who listens first and asks then misses nothing
  const [added] = useSubscription({ query: itemAdded, context });
  const [list] = useQuery({ query: itemsQuery, context });
  const [adding, send] = useMutation(addItem);

  const add = async (text: string): Promise<boolean> => {
    const { error } = await send({ text });
    return error === undefined;
  };
  const problem = adding.error
    ? `Not added. ${toText(adding.error)}`
    : toText(list.error ?? added.error);
  return (
    <ItemsView title="Live list, with urql" items={list.data?.items} problem={problem} add={add} />
  );
}

/** What the server says of it is for people; what becomes of connections is not. */
function toText(error: CombinedError | undefined): string | undefined {
  if (error?.networkError) return 'The server cannot be reached.';
  return error?.graphQLErrors.map(({ message }) => message).join('; ');
}
