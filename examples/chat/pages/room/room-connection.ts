import { createClient } from 'millrace/client';
import type { OperationState } from 'millrace/client';
import { websocket } from 'millrace/client/websocket';

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

/** Everything goes over one socket, so that the order of asking is the order of answering. */
const client = createClient({
  url: '/graphql',
  transport: websocket({ pingAfterMs: 10_000, silenceMs: 10_000 }),
  retry: { minDelayMs: 500, maxDelayMs: 5_000 },
});

const message = 'id author text sentAt';

const statuses = {
  idle: 'connecting',
  connecting: 'connecting',
  live: 'live',
  recovered: 'live',
  gap: 'live',
  reconnecting: 'reconnecting',
  ended: 'offline',
} as const satisfies Record<OperationState, ConnectionStatus>;

/**
 * Listens to `room` until the page is left.
 *
 * @remarks
 * Each time the subscription comes up the history is asked for again, so that what was said while it was down appears as well.
 */
export async function joinRoom(room: string, listener: RoomListener): Promise<void> {
  const messages = client.subscribe<{ readonly messageAdded: Message }>({
    query: `subscription Live($room: String!) { messageAdded(room: $room) { ${message} } }`,
    variables: { room },
  });
  messages.subscribe(({ data, errors }) => {
    if (data) listener.onMessages([data.messageAdded]);
    if (errors) listener.onProblem(`The room cannot be followed: ${errors[0]?.message}`);
  });
  for await (const state of messages.status) {
    const status = statuses[state];
    listener.onStatus(status);
    // behind the subscription: a message is then in the history, or comes live, or both, but never neither
    if (status === 'live') void askForHistory(room, listener);
  }
}

/** Rejects with words for people if the server did not take the message, or did not say so. */
export async function postMessage(post: {
  readonly room: string;
  readonly author: string;
  readonly text: string;
}): Promise<Message> {
  const { data, errors } = await client
    .mutate<{ readonly postMessage: Message }>({
      query: `mutation Post($room: String!, $author: String!, $text: String!) {
        postMessage(room: $room, author: $author, text: $text) { ${message} }
      }`,
      variables: post,
    })
    .catch((cause: unknown) => {
      throw new Error('No answer came: look for the message before you send it again.', { cause });
    });
  if (data) return data.postMessage;
  throw new Error(`Not sent: ${errors?.[0]?.message ?? 'the server does not say why'}`);
}

/** Never rejects. */
async function askForHistory(room: string, listener: RoomListener): Promise<void> {
  try {
    const { data, errors } = await client.query<{ readonly messages: readonly Message[] }>({
      query: `query History($room: String!) { messages(room: $room) { ${message} } }`,
      variables: { room },
    });
    if (data) listener.onMessages(data.messages);
    if (errors) listener.onProblem('Earlier messages could not be loaded.');
  } catch {
    // the connection was lost, and the next one asks again
  }
}
