import { useMemo, useState } from 'react';
import type { ReactElement } from 'react';
import { useLazyLoadQuery, useMutation, useSubscription } from 'react-relay';
import type { GraphQLSubscriptionConfig, RecordSourceSelectorProxy } from 'relay-runtime';

import { ItemsView } from '../live-list/view/items-view.tsx';
import { addItem, itemAdded, itemsQuery } from './documents.ts';
import type { AddItemMutation, ItemAddedSubscription, ItemsQuery } from './documents.ts';

/** A list in Relay's store, to which a subscription adds. */
export function LiveList(): ReactElement {
  const { items } = useLazyLoadQuery<ItemsQuery>(itemsQuery, {});
  const [problem, setProblem] = useState<string>();
  const [send] = useMutation<AddItemMutation>(addItem);
  useSubscription<ItemAddedSubscription>(
    useMemo<GraphQLSubscriptionConfig<ItemAddedSubscription>>(
      () => ({
        subscription: itemAdded,
        variables: {},
        updater: addToList,
        onError: ({ message }) => setProblem(message),
      }),
      [],
    ),
  );

  // the item comes by the subscription, as it does for everybody else
  const add = (text: string): Promise<boolean> =>
    new Promise((resolve) => {
      send({
        variables: { text },
        onCompleted: () => {
          setProblem(undefined);
          resolve(true);
        },
        onError: ({ message }) => {
          setProblem(`Not added. ${message}`);
          resolve(false);
        },
      });
    });

  return <ItemsView title="Live list, with Relay" items={items} problem={problem} add={add} />;
}

/** An event may be in the list already. */
function addToList(store: RecordSourceSelectorProxy): void {
  const item = store.getRootField('itemAdded');
  const root = store.getRoot();
  const items = root.getLinkedRecords('items');
  if (!item || !items || items.some((each) => each?.getDataID() === item.getDataID())) return;
  root.setLinkedRecords([...items, item], 'items');
}
