import type { OperationResult } from 'millrace/client';
import { useClient, useLive } from 'millrace/links/react';
import { useState } from 'react';
import type { ReactElement } from 'react';

import { ItemsView } from '../live-list/view/items-view.tsx';
import type { Item } from '../live-list/view/items-view.tsx';

interface Answer {
  readonly items: readonly Item[];
}

interface Added {
  readonly itemAdded: Item;
}

/** The list: current as long as its state says so, whoever adds to it and whatever happens to the connection. */
export function LiveList(): ReactElement {
  const client = useClient();
  const { data, errors, error, status } = useLive({
    query: { query: '{ items { id text } }' },
    subscription: { query: 'subscription { itemAdded { id text } }' },
    merge: withItem,
  });
  const [problem, setProblem] = useState<string>();

  // the item comes by the subscription, as it does for everybody else
  const add = async (text: string): Promise<boolean> => {
    try {
      const result = await client.mutate({
        query: 'mutation ($text: String!) { addItem(text: $text) { id } }',
        variables: { text },
      });
      setProblem(toText(result.errors));
      return result.errors === undefined;
    } catch {
      setProblem('Nobody knows whether it was added: the connection broke.');
      return false;
    }
  };

  return (
    <ItemsView
      title="Live list, with React"
      state={status}
      items={data?.items}
      problem={problem ?? error?.message ?? toText(errors)}
      add={add}
    />
  );
}

function toText(errors: OperationResult['errors']): string | undefined {
  return errors?.map(({ message }) => message).join(' ');
}

/** An event may be in the answer already. */
function withItem({ items }: Answer, { itemAdded }: Added): Answer {
  return { items: [...items.filter(({ id }) => id !== itemAdded.id), itemAdded] };
}
