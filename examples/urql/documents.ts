import { gql } from 'urql';
import type { TypedDocumentNode } from 'urql';

import type { Item } from '../live-list/view/items-view.tsx';

type None = Readonly<Record<string, never>>;

export const itemsQuery: TypedDocumentNode<{ readonly items: readonly Item[] }, None> = gql`
  query Items {
    items {
      id
      text
    }
  }
`;

export const itemAdded: TypedDocumentNode<{ readonly itemAdded: Item }, None> = gql`
  subscription ItemAdded {
    itemAdded {
      id
      text
    }
  }
`;

export const addItem: TypedDocumentNode<
  { readonly addItem: Pick<Item, 'id'> },
  { readonly text: string }
> = gql`
  mutation AddItem($text: String!) {
    addItem(text: $text) {
      id
    }
  }
`;
