import { createClient } from '../../src/client/create-client.ts';
import type { Client } from '../../src/client/client.ts';
import type { ClientOptions } from '../../src/client/client-options.ts';
import { websocket } from '../../src/client/websocket.ts';
import type { WebSocketOptions } from '../../src/client/websocket.ts';
import { QuickClock } from './client-clock.ts';
import { ClientNetwork } from './client-network.ts';
import type { Link, Peer } from './client-network.ts';

/** A message of `graphql-transport-ws`, as far as tests look at it. */
export interface Message {
  readonly type: string;
  readonly id?: string;
  readonly payload?: { readonly [name: string]: unknown };
}

/** A client, its clock, and a server that acknowledges and otherwise does what the test says. */
export interface Stage {
  readonly client: Client;
  readonly clock: QuickClock;
  readonly network: ClientNetwork;
  /** What the server heard, newest connection last. */
  readonly heard: { readonly link: Link; readonly message: Message }[];
  /** Wakes the client as the runtime would. */
  readonly wake: () => void;
  /** How often somebody asked to be woken and has not taken it back. */
  readonly watchers: () => number;
}

/** What {@link createStage} is told. */
export interface StageOptions {
  readonly client?: Partial<ClientOptions>;
  readonly socket?: WebSocketOptions;
  /** What the server answers besides; by default it acknowledges, and completes what it is told to. */
  readonly answer?: (link: Link, message: Message) => void;
  /** Instead of all that, for other protocols: hears frames as they are. */
  readonly server?: (link: Link, frame: string) => void;
}

/** Sets up a client and a server in memory. */
export function createStage({ client, socket, answer, server }: StageOptions = {}): Stage {
  const clock = new QuickClock();
  const heard: { readonly link: Link; readonly message: Message }[] = [];
  const wakers = new Set<() => void>();
  const accept = (link: Link): Peer => ({
    message: (frame) => {
      if (server) return server(link, frame);
      const message = JSON.parse(frame) as Message; // our own client wrote it
      heard.push({ link, message });
      if (answer) answer(link, message);
      else if (message.type === 'connection_init') link.push({ type: 'connection_ack' });
    },
  });
  const network = new ClientNetwork({ clock, accept });
  return {
    client: createClient({
      url: 'http://server.test/graphql',
      transport: websocket({ WebSocket: network.WebSocket, ...socket }),
      clock,
      random: () => 0.5,
      signals: (wake) => {
        // a function of its own: the same may be given twice
        const waker = (): void => wake();
        wakers.add(waker);
        return () => wakers.delete(waker);
      },
      ...client,
    }),
    clock,
    network,
    heard,
    wake: () => {
      for (const waker of wakers) waker();
    },
    watchers: () => wakers.size,
  };
}

/** Ids of what was started on `link` and neither stopped nor ended by the server. */
export function running(link: Link): readonly string[] {
  const ids = new Set<string>();
  for (const frame of link.sent) {
    const { type, id } = JSON.parse(frame) as Message; // our own client wrote it
    if (type === 'subscribe' && id) ids.add(id);
    if (type === 'complete' && id) ids.delete(id);
  }
  for (const frame of link.read) {
    const { type, id } = JSON.parse(frame) as Message; // the test wrote it
    if ((type === 'complete' || type === 'error') && id) ids.delete(id);
  }
  return [...ids];
}
