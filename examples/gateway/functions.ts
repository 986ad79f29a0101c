import { makeExecutableSchema } from '@graphql-tools/schema';
import {
  createGateway,
  createGatewayTopics,
  createRedisGatewayStore,
} from 'millrace/adapters/gateway';
import type { Gateway, GatewayPush, GatewayRedisLike } from 'millrace/adapters/gateway';
import { subscriptionField } from 'millrace/server';

/** What a gateway calls its function with; yours may name things differently. */
export interface GatewayEvent {
  readonly requestContext: {
    readonly eventType: 'CONNECT' | 'MESSAGE' | 'DISCONNECT';
    readonly connectionId: string;
  };
  /** Of the upgrade; only with `CONNECT`. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** What it makes of the answer: `CONNECT` decides on the upgrade. */
export interface GatewayAnswer {
  readonly statusCode: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** What an instance of the functions needs. */
export interface FunctionOptions {
  readonly redis: GatewayRedisLike;
  /** The push interface of the gateway. */
  readonly pushUrl: string;
  /** Of all keys in Redis. */
  readonly prefix?: string;
}

interface Message {
  readonly room: string;
  readonly text: string;
  readonly by: string;
}

interface Context {
  readonly session: { readonly user: string };
}

/** The functions of a small chat. Make them once per instance, outside of the handler. */
export function createFunctions({ redis, pushUrl, prefix }: FunctionOptions): {
  /** The function that the gateway calls. */
  readonly handle: (event: GatewayEvent) => Promise<GatewayAnswer>;
  readonly gateway: Gateway;
} {
  const topics = createGatewayTopics();
  const messages = topics.topic<Message>('messages');
  const schema = makeExecutableSchema<Context>({
    typeDefs: /* GraphQL */ `
      type Message {
        text: String!
        by: String!
      }
      type Query {
        me: String!
      }
      type Mutation {
        say(room: String!, text: String!): Boolean!
      }
      type Subscription {
        said(room: String!): Message!
        saidByOthers(room: String!): Message!
      }
    `,
    resolvers: {
      Query: { me: (_, _args, { session }) => session.user },
      Mutation: {
        say: async (_, { room, text }: Omit<Message, 'by'>, { session }) => {
          await messages.publish({ room, text, by: session.user }, { key: room });
          return true;
        },
      },
      Subscription: {
        said: subscriptionField({
          topic: messages,
          key: ({ room }: Pick<Message, 'room'>) => room,
        }),
        saidByOthers: subscriptionField({
          topic: messages,
          key: ({ room }: Pick<Message, 'room'>) => room,
          filter: ({ by }, _args, { session }: Context) => by !== session.user,
        }),
      },
    },
  });
  const gateway = createGateway(
    {
      schema,
      protocols: ['graphql-transport-ws', 'subscriptions-transport-ws'],
      // in place of a real check of a real token; what is returned lives in Redis, so it is plain JSON
      onConnect: ({ connectionParams: { user } }) =>
        typeof user === 'string' ? { user } : { user: 'somebody' },
    },
    {
      store: createRedisGatewayStore(redis, { ...(prefix !== undefined && { prefix }) }),
      push: pushTo(pushUrl),
      topics,
    },
  );
  return { gateway, handle: (event) => handle(gateway, event) };
}

async function handle(gateway: Gateway, event: GatewayEvent): Promise<GatewayAnswer> {
  const { connectionId, eventType } = event.requestContext;
  switch (eventType) {
    case 'CONNECT': {
      const request = { method: 'GET', url: '/', headers: toLowerCase(event.headers) };
      const answer = await gateway.connect({ connectionId, request });
      if (answer.kind === 'refuse') return { statusCode: answer.status, body: answer.message };
      return { statusCode: 200, headers: { 'sec-websocket-protocol': answer.subprotocol } };
    }
    case 'MESSAGE':
      await gateway.message({ connectionId, data: event.body ?? '' });
      return { statusCode: 200 };
    case 'DISCONNECT':
      await gateway.disconnect(connectionId);
      return { statusCode: 200 };
  }
}

function toLowerCase(headers: GatewayEvent['headers'] = {}): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]),
  );
}

/** A push interface over HTTP: `POST` sends, `DELETE` closes, and 410 says that a connection is gone. */
function pushTo(url: string): GatewayPush {
  const urlOf = (connectionId: string): string => `${url}/${encodeURIComponent(connectionId)}`;
  return {
    send: (connectionId, frame) =>
      callGateway(urlOf(connectionId), { method: 'POST', body: frame }),
    close: (connectionId, code, reason) => {
      const how = new URLSearchParams({ code: String(code), reason });
      return callGateway(`${urlOf(connectionId)}?${how.toString()}`, { method: 'DELETE' });
    },
  };
}

async function callGateway(url: string, init: RequestInit): Promise<void> {
  const { ok, status } = await fetch(url, init);
  if (!ok) throw Object.assign(new Error(`the gateway answered ${status}`), { status });
}
