import type { TopicSource } from 'millrace/broker';
import { pure } from 'millrace/server';

import { subscribe } from './conversation.ts';
import type { MemoryClient } from './memory-client.ts';
import type { Post, SharingServer, SharingServerOptions } from './sharing-server.ts';
import { Gate, serveSharing, textQuery } from './sharing-server.ts';

const textOf = (post: Post) => String(post['text']);

/** A server whose executions can be made to wait. */
export interface GatedServer extends SharingServer {
  /** Executions of events with this text begin to wait for it. */
  readonly gate: (text: string) => Gate;
}

/** A server whose executions of an event wait for the gate of its text, if it has one. */
export function serveGates(more: SharingServerOptions = {}): GatedServer {
  const gates = new Map<string, Gate>();
  const text = pure(async (post: Post) => {
    await gates.get(textOf(post))?.promise;
    return textOf(post);
  });
  const server = serveSharing({
    ...more,
    fields: (topic) => ({ ...more.fields?.(topic), Message: { text } }),
  });
  return {
    ...server,
    gate(name) {
      const gate = new Gate();
      gates.set(name, gate);
      return gate;
    },
  };
}

/** A server where some come late. */
export interface LatenessServer extends GatedServer {
  /** What those who are late wait for. */
  readonly opened: Gate;
  readonly joinLate: () => Promise<MemoryClient>;
}

/** A server whose subscribe resolver waits for `opened` for clients that are late, with the source made before. */
export function serveLateness(
  toSource: (source: TopicSource<Post>) => TopicSource<Post> = (source) => source,
  more: SharingServerOptions = {},
): LatenessServer {
  const opened = new Gate();
  const server = serveGates({
    ...more,
    options: { context: ({ request }) => ({ isLate: request.headers['late'] === 'yes' }) },
    fields: (topic) => ({
      Subscription: {
        message: {
          subscribe: async (_root: unknown, _args: unknown, { isLate }: { isLate: boolean }) => {
            const source = toSource(topic.source());
            if (isLate) await opened.promise;
            return source;
          },
        },
      },
    }),
  });
  const joinLate = async (): Promise<MemoryClient> => {
    const client = await server.ready({ headers: { late: 'yes' } });
    subscribe(client, '1', textQuery);
    await server.clock.settle();
    return client;
  };
  return { ...server, opened, joinLate };
}
