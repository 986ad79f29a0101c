import { graphql } from 'relay-runtime';

import type { Item } from '../live-list/view/items-view.tsx';

/** As the compiler of Relay writes them; what it writes is not there before the example is built. */
export interface ItemsQuery {
  readonly variables: Record<string, never>;
  readonly response: { readonly items: readonly Item[] };
}

export interface AddItemMutation {
  readonly variables: { readonly text: string };
  readonly response: { readonly addItem: Item };
}

export interface ItemAddedSubscription {
  readonly variables: Record<string, never>;
  readonly response: { readonly itemAdded: Item };
}

export const itemsQuery = graphql`
  query documentsItemsQuery {
    items {
      id
      text
    }
  }
`;

export const addItem = graphql`
  mutation documentsAddItemMutation($text: String!) {
    addItem(text: $text) {
      id
    }
  }
`;

export const itemAdded = graphql`
  subscription documentsItemAddedSubscription {
    itemAdded {
      id
      text
    }
  }
`;
