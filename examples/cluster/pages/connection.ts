import { createClient } from 'millrace/client';
import type { OperationState } from 'millrace/client';
import { http } from 'millrace/client/http';
import { resumable } from 'millrace/client/resume';
import { websocket } from 'millrace/client/websocket';

/** One of the server processes. */
export interface ServerProcess {
  readonly name: string;
  readonly pid: number;
}

/** What comes over the subscription. */
export interface Message {
  readonly publisher: string;
  readonly sequence: number;
  readonly text: string;
  readonly publishedBy: ServerProcess;
  readonly deliveredBy: ServerProcess;
}

/** What a window hears. */
export interface Listener {
  readonly onState: (state: OperationState) => void;
  readonly onMessage: (message: Message) => void;
}

const againAfterMs = 500;

/** The window's way to the cluster: a subscription over a WebSocket, and a request of its own for each publication. */
export class Connection {
  readonly #client = createClient({
    url: '/graphql',
    transport: {
      queries: http(),
      subscriptions: websocket({ pingAfterMs: 5_000, silenceMs: 5_000 }),
    },
    retry: { minDelayMs: 200, maxDelayMs: 2_000 },
    resume: resumable({
      // an operation remembers its token without a store; with one the window hears of each
      store: { get: () => undefined, set: () => this.#hear(), delete() {} },
      key: () => 'messages',
    }),
  });
  #onState: Listener['onState'] = () => {};
  /** What the window says until a server says that it listens; `undefined` once it has. */
  #waiting: 'connecting' | 'reconnecting' | undefined = 'connecting';
  #state: OperationState = 'connecting';

  /** Listens for as long as the page is open. */
  async follow({ onState, onMessage }: Listener): Promise<void> {
    this.#onState = onState;
    const operation = this.#client.subscribe<{ readonly messages: Message }>({
      query: `subscription {
        messages { publisher sequence text publishedBy { name pid } deliveredBy { name pid } }
      }`,
    });
    operation.subscribe({
      next: ({ data }) => {
        if (data) onMessage(data.messages);
      },
    });
    for await (const state of operation.status) {
      this.#state = state;
      if (state === 'reconnecting') this.#waiting = state;
      this.#show();
    }
  }

  /** A token is the server's word that it listens: whatever is published from now on comes. */
  #hear(): void {
    if (this.#waiting === undefined) return;
    this.#waiting = undefined;
    this.#show();
  }

  #show(): void {
    this.#onState(this.#state === 'ended' ? this.#state : (this.#waiting ?? this.#state));
  }

  /** Sends a message until a server says that the broker has it, and gives that server. */
  async publish(message: {
    readonly publisher: string;
    readonly sequence: number;
    readonly text: string;
  }): Promise<ServerProcess> {
    for (;;) {
      // what may have been accepted is sent again all the same: the same number adds no second message
      const answer = await this.#client
        .mutate<{ readonly publish: ServerProcess }>({
          query: `mutation ($publisher: ID!, $sequence: Int!, $text: String!) {
            publish(publisher: $publisher, sequence: $sequence, text: $text) { name pid }
          }`,
          variables: message,
        })
        .catch(() => undefined);
      if (answer?.data) return answer.data.publish;
      await new Promise((resolve) => setTimeout(resolve, againAfterMs));
    }
  }
}
