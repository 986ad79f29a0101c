import type { CallbackOptions, ServerOptions } from 'millrace/server';

import type { CallbackRequest } from './callback-router.ts';
import { CallbackRouter } from './callback-router.ts';
import type { Conversation } from './conversation.ts';
import { converse } from './conversation.ts';
import { MemoryStream } from './memory-stream.ts';

/** What a request asks with; what it leaves out is what a correct one has. */
export interface CallbackAsking {
  /** `null`: none. */
  readonly callback?: object | null;
  readonly accept?: string;
  readonly extensions?: object;
  readonly method?: 'GET' | 'POST';
}

/** A server that speaks the HTTP callback protocol, and a router that subscribes to it. */
export interface CallbackStage extends Conversation {
  readonly router: CallbackRouter;
  readonly ask: (query: string, asking?: CallbackAsking) => Promise<MemoryStream>;
  /** Subscribes to the messages of the room `r`; returns what the router gave along. */
  readonly listen: (heartbeatIntervalMs?: number) => Promise<CallbackRequest>;
  /** Publishes to the room `r`, and lets everything happen. */
  readonly publish: (...texts: readonly string[]) => Promise<void>;
}

/** What a subscriber accepts. */
export const callbackType = 'application/json;callbackSpec=1.0';

/** A subscription to the messages of the room `r`. */
export const inRoom = 'subscription { message(room: "r") { text } }';

/** The data of a message. */
export const said = (text: string): object => ({ message: { text } });

/** The gauges of a server that holds nothing. */
export const nothingHeld = { connections: 0, operations: 0, deadlines: 0, readers: 0 };

export function callbackStage(
  callback: Partial<CallbackOptions> = {},
  options: Partial<ServerOptions> = {},
): CallbackStage {
  const router = new CallbackRouter();
  const conversation = converse({
    protocols: ['callback', 'sse'],
    callback: { allow: ['router.internal'], fetch: router.fetch, ...callback },
    ...options,
  });
  const { server, clock, app } = conversation;
  const ask: CallbackStage['ask'] = async (query, asking = {}) => {
    const { callback: given = router.register(), accept = callbackType, method = 'POST' } = asking;
    const extensions = { ...asking.extensions, ...(given && { subscription: given }) };
    const parameters = new URLSearchParams({ query, extensions: JSON.stringify(extensions) });
    const stream = new MemoryStream(server, {
      method,
      headers: { accept },
      ...(method === 'GET'
        ? { url: `/graphql?${String(parameters)}` }
        : { body: { query, extensions } }),
    });
    await clock.settle();
    return stream;
  };
  return {
    ...conversation,
    router,
    ask,
    async listen(heartbeatIntervalMs) {
      const registered = router.register(heartbeatIntervalMs);
      await ask(inRoom, { callback: registered });
      return registered;
    },
    async publish(...texts) {
      for (const text of texts) await app.publish('r', text);
      await clock.settle();
    },
  };
}
