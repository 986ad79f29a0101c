import { createClient } from 'millrace/client';
import type { Client, OperationState } from 'millrace/client';
import { resumable } from 'millrace/client/resume';
import { websocket } from 'millrace/client/websocket';

import { maxShown } from './message.ts';
import type { Message } from './message.ts';

/**
 * How the page stands to the server: `recovered` is live after an interruption in which nothing was missed, `gap` is live
 * with the missing messages still to be asked for.
 */
export type ConnectionStatus =
  | 'connecting'
  | 'live'
  | 'recovered'
  | 'gap'
  | 'reconnecting'
  | 'offline';

/** What a page hears from its room. */
export interface RoomListener {
  onStatus(status: ConnectionStatus): void;
  /** Something was posted; the same message may come in the history as well. */
  onMessage(message: Message): void;
  /** What the server keeps, up to now. */
  onHistory(messages: readonly Message[]): void;
  /** Messages behind those that came so far are missing; a history follows. */
  onGap(): void;
  /** Empty if there is none any more. */
  onProblem(problem: string): void;
}

const message = 'id author text sentAt';
/** Time until a history that could not be had is asked for again. */
const againAfterMs = 3_000;

/** Why the history has to be asked for: an object of its own each time, so that a new reason is told from the one before. */
interface Need {
  readonly kind: 'first' | 'gap';
}

/** Listens to one room until the page is left, and posts there. */
export class RoomConnection {
  readonly #room: string;
  readonly #listener: RoomListener;
  readonly #client: Client;
  #state: OperationState = 'idle';
  /** What the page says until the server says that it listens; `undefined` once it has. */
  #waiting: 'connecting' | 'reconnecting' | undefined = 'connecting';
  #need: Need | undefined = { kind: 'first' };
  #isAsking = false;
  #isComplaining = false;
  #shown: ConnectionStatus | undefined;

  constructor(room: string, listener: RoomListener) {
    this.#room = room;
    this.#listener = listener;
    this.#client = createClient({
      url: '/graphql',
      transport: websocket({ pingAfterMs: 10_000, silenceMs: 10_000 }),
      retry: { minDelayMs: 500, maxDelayMs: 5_000 },
      resume: resumable({
        // an operation remembers its token without a store; with one the page hears of each
        store: { get: () => undefined, set: () => this.#hear(), delete() {} },
        key: () => room,
        onGap: () => this.#miss(),
      }),
    });
  }

  /** Begins to listen. */
  join(): void {
    void this.#follow();
  }

  /** Rejects with words for people if the server did not take the message, or did not say so. */
  async post(draft: { readonly author: string; readonly text: string }): Promise<Message> {
    const { data, errors } = await this.#client
      .mutate<{ readonly postMessage: Message }>({
        query: `mutation Post($room: String!, $author: String!, $text: String!) {
          postMessage(room: $room, author: $author, text: $text) { ${message} }
        }`,
        variables: { room: this.#room, ...draft },
      })
      .catch((cause: unknown) => {
        throw new Error('No answer came: look for the message before you send it again.', {
          cause,
        });
      });
    if (data) return data.postMessage;
    const { message: why = 'the server does not say why', extensions } = errors?.[0] ?? {};
    // of anything else, as of a Redis that did not answer, nobody knows
    const isRefused = extensions?.['code'] === 'BAD_USER_INPUT';
    throw new Error(`${isRefused ? 'Not sent' : 'Perhaps not sent'}: ${why}`);
  }

  async #follow(): Promise<void> {
    const operation = this.#client.subscribe<{ readonly messageAdded: Message }>({
      query: `subscription Live($room: String!) { messageAdded(room: $room) { ${message} } }`,
      variables: { room: this.#room },
    });
    operation.subscribe({
      next: ({ data, errors }) => {
        if (data) this.#listener.onMessage(data.messageAdded);
        if (errors) this.#complain(`The room cannot be followed: ${errors[0]?.message}`);
      },
      error: (error) => this.#complain(`The room cannot be followed: ${String(error)}`),
    });
    for await (const state of operation.status) {
      this.#state = state;
      if (state === 'reconnecting') this.#waiting = state;
      this.#showStatus();
    }
  }

  /** A token is the server's word that it listens: whatever is not in a history that is asked for now comes by itself. */
  #hear(): void {
    this.#waiting = undefined;
    if (this.#isComplaining) this.#complain('');
    void this.#catchUp();
  }

  #miss(): void {
    this.#need = { kind: 'gap' };
    this.#listener.onGap();
    this.#showStatus();
  }

  /** Asks for the history until the newest reason for that is gone; while the connection is lost, the next token leads here again. Never rejects. */
  async #catchUp(): Promise<void> {
    if (this.#isAsking) return;
    this.#isAsking = true;
    let need = this.#need;
    while (need && (await this.#askForHistory())) {
      if (this.#need === need) this.#need = undefined;
      need = this.#need;
    }
    this.#isAsking = false;
    this.#showStatus();
    if (this.#need && !this.#waiting) setTimeout(() => void this.#catchUp(), againAfterMs);
  }

  /** Whether an answer came. */
  async #askForHistory(): Promise<boolean> {
    try {
      const { data, errors } = await this.#client.query<{ readonly messages: readonly Message[] }>({
        query: `query History($room: String!, $last: Int!) {
          messages(room: $room, last: $last) { ${message} }
        }`,
        variables: { room: this.#room, last: maxShown },
      });
      if (data) this.#listener.onHistory(data.messages);
      if (errors) this.#complain('Earlier messages could not be loaded.');
      return data !== undefined && data !== null;
    } catch {
      return false;
    }
  }

  /** Takes back only what it said itself: the form has problems of its own. */
  #complain(problem: string): void {
    this.#isComplaining = problem !== '';
    this.#listener.onProblem(problem);
  }

  #showStatus(): void {
    const status = this.#status();
    if (status === this.#shown) return;
    this.#shown = status;
    this.#listener.onStatus(status);
  }

  #status(): ConnectionStatus {
    if (this.#state === 'ended') return 'offline';
    if (this.#waiting) return this.#waiting;
    if (this.#need?.kind === 'gap') return 'gap';
    return this.#state === 'recovered' ? 'recovered' : 'live';
  }
}
