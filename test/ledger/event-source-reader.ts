import { setTimeout as pause } from 'node:timers/promises';

import { EventStreamParser } from '../../src/protocol/sse/event-stream-parser.ts';
import type { IncomingEvent } from '../../src/protocol/sse/event-stream-parser.ts';
import type { Account, GapReport } from './account.ts';
import type { LedgerEvent } from './events.ts';

/** What an {@link EventSourceReader} is given. */
export interface EventSourceReaderOptions {
  readonly account: Account;
  /** Where it connects to, asked for each connection. */
  readonly url: () => string;
}

interface Message {
  readonly data?: Readonly<Record<string, LedgerEvent>> | null;
  readonly errors?: readonly {
    readonly message: string;
    readonly extensions?: { readonly code?: string };
  }[];
}

/** Before it connects again. */
const retryMs = 100;

/**
 * Reads one event stream as the `EventSource` of a browser does: it connects again whenever the stream ends, says which id came last, and knows nothing else.
 *
 * @remarks
 * Nothing is suppressed here: what comes twice was sent twice. It never finds out that a connection is dead as long as nothing says so.
 */
export class EventSourceReader {
  readonly #options: EventSourceReaderOptions;
  readonly #controller = new AbortController();
  #lastEventId = '';
  /** It came back, and nobody knows yet whether anything is missing. */
  #isBack = false;

  constructor(options: EventSourceReaderOptions) {
    this.#options = options;
    void this.#run(); // never rejects
  }

  close(): void {
    this.#controller.abort();
  }

  async #run(): Promise<void> {
    while (!this.#controller.signal.aborted) {
      try {
        await this.#readOnce();
      } catch {
        // whatever became of the connection: it is made again
      }
      await pause(retryMs);
    }
  }

  async #readOnce(): Promise<void> {
    const { account } = this.#options;
    const body = await this.#connect();
    if (!body) return;
    this.#isBack = this.#lastEventId !== '';
    const parser = new EventStreamParser();
    for await (const chunk of body) {
      for (const event of parser.push(chunk)) this.#take(event);
      // a new stream begins without an id, but whoever reads it keeps that of the one before
      if (parser.lastEventId) this.#lastEventId = parser.lastEventId;
      if (!account.hasBegun && this.#lastEventId) {
        account.write({ kind: 'start', token: this.#lastEventId });
      }
    }
  }

  /** `undefined` if what comes is no event stream. */
  async #connect(): Promise<Response['body'] | undefined> {
    const id = this.#lastEventId;
    const { ok, headers, body } = await fetch(this.#options.url(), {
      signal: this.#controller.signal,
      headers: { accept: 'text/event-stream', ...(id && { 'last-event-id': id }) },
    });
    if (ok && headers.get('content-type')?.startsWith('text/event-stream')) return body;
    await body?.cancel();
    return undefined;
  }

  #take({ event, data, lastEventId }: IncomingEvent): void {
    const { account } = this.#options;
    if (event === 'resume') {
      const { recovered, ...report } = JSON.parse(data) as GapReport & {
        readonly recovered?: boolean;
      }; // a server of the package wrote it
      if (recovered === false) {
        this.#isBack = false;
        account.write({ kind: 'gap', ...report });
      }
    }
    if (event !== 'next') return;
    const message = JSON.parse(data) as Message; // as above
    for (const { extensions, message: text } of message.errors ?? []) {
      account.write({ kind: 'failed', code: extensions?.code ?? text });
    }
    if (this.#isBack) account.write({ kind: 'recovered' });
    this.#isBack = false;
    const content = message.data?.[account.stream.topic];
    if (content) account.write({ kind: 'event', event: content, token: lastEventId });
  }
}
