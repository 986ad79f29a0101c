import { createClient } from 'millrace/client';
import type { Client } from 'millrace/client';
import { resumable } from 'millrace/client/resume';
import { websocket } from 'millrace/client/websocket';
import { VirtualClock, manualSignals, mockServer } from 'millrace/testing';
import type { MockServer } from 'millrace/testing';
import { onTestFinished } from 'vitest';

/** A list with a subscription, and a client of it, on a virtual clock and without a network. */
export interface ItemList {
  readonly client: Client;
  readonly clock: VirtualClock;
  readonly server: MockServer;
  /** What is in the list; a test adds to it. */
  readonly items: Item[];
  /** The names of the operations that the server was asked for, in order. */
  readonly asked: () => readonly (string | undefined)[];
  /** How many of them are open. */
  readonly open: () => number;
  /** Announces an item to everyone who is there. */
  readonly announce: (item: Item) => Promise<void>;
  /** The connection is lost; resolves once the client is back. */
  readonly comeBack: () => Promise<void>;
}

export interface Item {
  readonly __typename: 'Item';
  readonly id: string;
  readonly text: string;
}

/** What the server says of what was missed: `unknown` is one that knows nothing of that. */
export type Memory = 'recovered' | 'gap' | 'unknown';

export const documents = {
  items: 'query Items { items { id text __typename } }',
  addItem: 'mutation AddItem($text: String!) { addItem(text: $text) { id text __typename } }',
  itemAdded: 'subscription ItemAdded { itemAdded { id text __typename } }',
} as const;

/** Makes one; without `memory` the client does not resume. */
export function serveItemList(memory?: Memory): ItemList {
  const clock = new VirtualClock();
  const items = [toItem('one')];
  const server = mockServer(
    {
      Items: () => [{ data: { items: [...items] } }],
      AddItem: ({ variables }) => {
        const item = toItem(String(variables?.['text']));
        items.push(item);
        return [{ data: { addItem: item } }];
      },
      ItemAdded: ({ extensions }) => {
        if (!memory || memory === 'unknown') return [];
        // what the client of this list writes there
        const resume = extensions?.['resume'] as { readonly token?: string } | undefined;
        const report = resume?.token ? { status: memory } : {};
        return [{ extensions: { resume: { token: 'some', ...report } } }];
      },
    },
    { clock },
  );
  const client = createClient({
    url: 'ws://list.test/',
    transport: websocket({ WebSocket: server.WebSocket }),
    clock,
    random: () => 0.5,
    signals: manualSignals().signals,
    ...(memory && { resume: resumable() }),
  });
  onTestFinished(() => client.close());
  return {
    client,
    clock,
    server,
    items,
    asked: () => server.operations.map(({ request }) => request.operationName),
    open: () => server.operations.filter(({ isOpen }) => isOpen).length,
    async announce(item) {
      server.push('ItemAdded', { data: { itemAdded: item } });
      await clock.settle();
    },
    async comeBack() {
      server.connections.at(-1)?.drop();
      await clock.advance(1_000);
    },
  };
}

/** A client that gets the answer to the first query only once that is released, as if it had come another way. */
export function holdFirst({ client }: ItemList): {
  readonly client: Client;
  readonly release: () => void;
} {
  const waiting: (() => void)[] = [];
  let until: Promise<void> | undefined = new Promise((resolve) => waiting.push(resolve));
  const query = client.query.bind(client);
  const held = Object.assign(Object.create(client) as Client, {
    // bound, for they use what is private to it
    subscribe: client.subscribe.bind(client),
    async query(options: Parameters<Client['query']>[0]) {
      const arrival = until;
      until = undefined;
      const result = await query(options);
      await arrival;
      return result;
    },
  });
  return {
    client: held,
    release: () => {
      for (const resolve of waiting) resolve();
    },
  };
}

export function toItem(text: string): Item {
  return { __typename: 'Item', id: `id of ${text}`, text };
}
