import { createClient } from 'millrace/client';
import { resumable } from 'millrace/client/resume';
import { tabs } from 'millrace/client/tabs';
import type { Sharing } from 'millrace/client/tabs';
import { websocket } from 'millrace/client/websocket';

/** What a test reads and calls in a page. */
export interface TabStage {
  /** Texts of the messages that came. */
  readonly texts: string[];
  /** How each connection was carried. */
  readonly sharings: Sharing[];
  /** Where the subscription was, one after the other. */
  readonly states: string[];
  /** Failures of connections. */
  readonly losses: string[];
  /** Subscribes to a room; resolves once the server listens. */
  listen(room: string): Promise<unknown>;
  /** The result of a query. */
  ask(query: string): Promise<unknown>;
  close(): void;
}

const settings = new URLSearchParams(location.search);

const texts: string[] = [];
const sharings: Sharing[] = [];
const states: string[] = [];
const losses: string[] = [];

const client = createClient({
  url: '/graphql',
  connectionParams: async () => ({ user: settings.get('user') }),
  transport: tabs({
    transport: websocket(),
    name: settings.get('user') ?? 'nobody',
    ...(settings.has('worker') && {
      worker: (name: string) =>
        new SharedWorker(`/${settings.get('worker')}.js`, { type: 'module', name }),
    }),
    joinMs: 2_000,
    onSharing: (sharing) => sharings.push(sharing),
  }),
  resume: resumable(),
  onDisconnected: ({ code, message }) => losses.push(`${code}: ${message}`),
});

const stage: TabStage = {
  texts,
  sharings,
  states,
  losses,
  listen(room) {
    const messages = client.subscribe({
      query: 'subscription ($room: ID!) { message(room: $room) { text } }',
      variables: { room },
    });
    void (async () => {
      for await (const state of messages.status) states.push(state);
    })();
    messages.subscribe(({ data }) => {
      const { message } = data as { readonly message: { readonly text: string } };
      texts.push(message.text);
    });
    return messages.ready;
  },
  ask: (query) => client.query({ query }),
  close: () => client.close(),
};

Object.assign(globalThis, { stage });
