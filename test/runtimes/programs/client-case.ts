import { createClient } from 'millrace/client';
import type { Client, ClientOptions } from 'millrace/client';

import type { StageCommands } from '../support/client-commands.ts';

/** What is asked of the client in every runtime. Plain functions: a runtime has no test runner. */
export interface ClientCase {
  /** Where it is counted in the table of runtimes. */
  readonly row: string;
  readonly name: string;
  /** Rejects if the client does something else; resolves with a mark for the table where runtimes may differ. */
  readonly run: (context: ClientContext) => Promise<string | void>;
}

/** What a case is given. */
export interface ClientContext {
  /** Of the page, which has the server, too. */
  readonly origin: string;
  /** Of the server: `http://127.0.0.1:4000/graphql`. */
  readonly url: string;
  /** What `websocket()` and its like are given besides their own options. */
  readonly sockets: { readonly WebSocket?: typeof globalThis.WebSocket };
  /** A client that is closed with the case. */
  create(options: Omit<ClientOptions, 'url'> & Partial<ClientOptions>): Client;
  /** Asks for something that only the other side can do. */
  tell<Name extends keyof StageCommands>(
    name: Name,
    ...values: Parameters<StageCommands[Name]>
  ): Promise<Awaited<ReturnType<StageCommands[Name]>>>;
  /** Resolves once the server has exactly `count` open sources. */
  sources(count: number): Promise<void>;
  /** Resolves once the server has exactly `count` connections. */
  connections(count: number): Promise<void>;
}

/** Where a program finds its server, and with which sockets it goes there. */
export interface ContextSettings {
  readonly origin: string;
  readonly sockets: ClientContext['sockets'];
}

/** A room that nobody else is in. */
export function newRoom(): string {
  rooms += 1;
  return `room ${rooms}`;
}
let rooms = 0;

/** A subscription to the messages of `room`. */
export function messagesOf(room: string): { query: string; variables: Record<string, unknown> } {
  return {
    query: 'subscription ($room: ID!) { message(room: $room) { text } }',
    variables: { room },
  };
}

/** The text of a message, of a result of {@link messagesOf}. */
export function textOf(result: { readonly data?: unknown }): unknown {
  const { message } = Object(result.data) as { readonly message?: { readonly text?: unknown } }; // an object has any member, or none
  return message?.text;
}

/** Compares values that JSON can hold. */
export function assertEqual(actual: unknown, expected: unknown, what = 'a value'): void {
  const [got, wanted] = [toText(actual), toText(expected)];
  if (got === wanted) return;
  // nobody reads a megabyte
  throw new Error(`${what}: expected ${wanted.slice(0, 500)}, got ${got.slice(0, 500)}`);
}

function toText(value: unknown): string {
  return value === undefined ? 'undefined' : JSON.stringify(value);
}

/** What `promise` rejects with. */
export async function failureOf(promise: PromiseLike<unknown>): Promise<Record<string, unknown>> {
  let value: unknown;
  try {
    value = await promise;
  } catch (failure) {
    return failure as Record<string, unknown>; // errors have members
  }
  throw new Error(`nothing failed: ${JSON.stringify(value)}`);
}

/** Resolves once `condition` holds. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  what: string,
): Promise<void> {
  const giveUpAt = Date.now() + 8_000;
  while (!(await condition())) {
    if (Date.now() > giveUpAt) throw new Error(`waited in vain for ${what}`);
    await new Promise((resolve) => {
      setTimeout(resolve, 5);
    });
  }
}

/** A context, and what ends it. */
export function createContext({ origin, sockets }: ContextSettings): {
  readonly context: ClientContext;
  readonly close: () => void;
} {
  const clients: Client[] = [];
  const url = `${origin}/graphql`;
  const tell: ClientContext['tell'] = async (name, ...values) => {
    const answer = await fetch(`${origin}/control`, {
      method: 'POST',
      body: JSON.stringify({ name, values }),
    });
    return ((await answer.json()) as { readonly value: never }).value; // what the command gave
  };
  const context: ClientContext = {
    origin,
    url,
    sockets,
    create(options) {
      const client = createClient({
        url,
        retry: { minDelayMs: 20, maxDelayMs: 200 },
        onInternalError: () => {},
        ...options,
      });
      clients.push(client);
      return client;
    },
    tell,
    sources: (count) =>
      until(async () => (await tell('sources')) === count, `${count} open sources`),
    connections: (count) =>
      until(async () => (await tell('connections')) === count, `${count} connections`),
  };
  return {
    context,
    close() {
      for (const client of clients) client.close();
    },
  };
}
