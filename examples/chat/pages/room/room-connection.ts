import type { Client } from 'graphql-ws';
import { createClient } from 'graphql-ws';

import type { Message } from './message.ts';

/** How the page stands to the server. */
export type ConnectionStatus = 'connecting' | 'live' | 'reconnecting' | 'offline';

/** What a page hears from its room. */
export interface RoomListener {
  onStatus(status: ConnectionStatus): void;
  /** Messages of the history and live ones alike; the same one may come twice. */
  onMessages(messages: readonly Message[]): void;
  onProblem(problem: string): void;
}

const endpoint = new URL('/graphql', location.href);
const message = 'id author text sentAt';
const maxRetryWaitMs = 5_000;

/**
 * Listens to `room` until the page is left.
 *
 * @remarks
 * Each time the connection comes up the history is asked for again, so that what was said while it was down appears as well.
 */
export function joinRoom(room: string, listener: RoomListener): void {
  const client = createClient({
    url: endpoint.href.replace(/^http/, 'ws'),
    keepAlive: 10_000,
    retryAttempts: Infinity,
    shouldRetry: () => true,
    retryWait: async (retries) => {
      const waitMs = Math.min(maxRetryWaitMs, 250 * 2 ** retries);
      await new Promise((resolve) => setTimeout(resolve, waitMs * (0.5 + Math.random() / 2)));
    },
    on: {
      connecting: (isRetry) => listener.onStatus(isRetry ? 'reconnecting' : 'connecting'),
      closed: () => listener.onStatus('reconnecting'),
      connected: () => {
        listener.onStatus('live');
        // after the client has subscribed: a message is then in the history, or comes live, or both, but never neither
        setTimeout(() => askForHistory(client, room, listener));
      },
    },
  });
  client.subscribe<{ readonly messageAdded: Message }>(
    {
      query: `subscription Live($room: String!) { messageAdded(room: $room) { ${message} } }`,
      variables: { room },
    },
    {
      next: ({ data }) => {
        if (data) listener.onMessages([data.messageAdded]);
      },
      error: () => listener.onStatus('offline'),
      complete: () => listener.onStatus('offline'),
    },
  );
}

/** Rejects with words for people if the server did not take the message. */
export async function postMessage(post: {
  readonly room: string;
  readonly author: string;
  readonly text: string;
}): Promise<Message> {
  const { postMessage: posted } = await request<{ readonly postMessage: Message }>(
    `mutation Post($room: String!, $author: String!, $text: String!) {
      postMessage(room: $room, author: $author, text: $text) { ${message} }
    }`,
    post,
  );
  return posted;
}

/** On the socket of the subscription, because only there the order of asking is the order of answering. */
function askForHistory(client: Client, room: string, listener: RoomListener): void {
  const onProblem = (): void => listener.onProblem('Earlier messages could not be loaded.');
  client.subscribe<{ readonly messages: readonly Message[] }>(
    {
      query: `query History($room: String!) { messages(room: $room) { ${message} } }`,
      variables: { room },
    },
    {
      next: ({ data }) => (data ? listener.onMessages(data.messages) : onProblem()),
      error: onProblem,
      complete: () => {},
    },
  );
}

async function request<Data>(query: string, variables: object): Promise<Data> {
  const response = await fetch(endpoint, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json' },
    body: JSON.stringify({ query, variables }),
  });
  // the shape that the specification of GraphQL gives a response, with the data of our own query
  const result = (await response.json()) as {
    readonly data?: Data | null;
    readonly errors?: readonly { readonly message: string }[];
  };
  if (result.data) return result.data;
  throw new Error(result.errors?.[0]?.message ?? `The server answered ${response.status}`);
}
