import { buildSchema, isObjectType } from 'graphql';
import type { GraphQLSchema } from 'graphql';
import { createGateway, createGatewayTopics } from 'millrace/adapters/gateway';
import type {
  Gateway,
  GatewayOptions,
  GatewayPush,
  GatewayServerOptions,
  GatewayTopics,
} from 'millrace/adapters/gateway';
import { subscriptionField } from 'millrace/server';
import type { RequestHead } from 'millrace/server';

import { MemoryGatewayStore } from './memory-gateway-store.ts';

export interface Said {
  readonly room: string;
  readonly text: string;
  readonly by?: string;
}

interface Room {
  readonly room: string;
}

const typeDefs = /* GraphQL */ `
  type Said {
    room: String!
    text: String!
    by: String
    reader: String
  }
  type Query {
    hello(name: String = "you"): String!
    me: String
    broken: String
    large(characters: Int!): String!
  }
  type Mutation {
    say(room: String!, text: String!): Boolean!
  }
  type Subscription {
    said(room: String!): Said!
    saidByOthers(room: String!): Said!
    saidToMe(room: String!): Said!
    saidToAudience(room: String!): Said!
    history(room: String!): Said!
    ticks: Int!
  }
`;

interface StageContext {
  readonly session: { readonly user?: string };
}

/** What the field `said` lets through. */
type StageFilter = (event: Said, user: string | undefined) => boolean;

/** The schema of a function: made anew for each call, like everything that belongs to an instance. */
export function createStageSchema(
  topics: GatewayTopics,
  {
    onExecuted = () => {},
    filterAll,
  }: {
    readonly onExecuted?: (reader: string) => void;
    readonly filterAll?: StageFilter | undefined;
  } = {},
): GraphQLSchema {
  const said = topics.topic<Said>('said');
  const read = (reader: string) => (event: Said) => {
    onExecuted(reader);
    return { ...event, reader };
  };
  return withResolvers(typeDefs, {
    Query: {
      hello: (_: unknown, { name }: { readonly name: string }) => `Hello ${name}`,
      me: (_: unknown, _args: unknown, { session }: StageContext) => session.user,
      broken: () => {
        throw new Error('a secret');
      },
      large: (_: unknown, { characters }: { readonly characters: number }) =>
        'x'.repeat(characters),
    },
    Mutation: {
      say: async (_: unknown, event: Said, { session }: StageContext) => {
        await said.publish({ by: session.user ?? 'nobody', ...event }, { key: event.room });
        return true;
      },
    },
    Subscription: {
      said: subscriptionField({
        topic: said,
        key: ({ room }: Room) => room,
        ...(filterAll && {
          filter: (event: Said, _args: Room, { session }: StageContext) =>
            filterAll(event, session.user),
        }),
      }),
      saidByOthers: subscriptionField({
        topic: said,
        key: ({ room }: Room) => room,
        filter: ({ by }, _args, { session }: StageContext) => by !== session.user,
      }),
      saidToMe: subscriptionField({
        topic: said,
        key: ({ room }: Room) => room,
        resolve: (event, _args, { session }: StageContext) => read(session.user ?? '')(event),
      }),
      saidToAudience: subscriptionField({
        topic: said,
        key: ({ room }: Room) => room,
        audience: ({ session }: StageContext) => session.user?.slice(0, 1),
        resolve: (event, _args, { audience }: StageContext & { readonly audience?: string }) =>
          read(audience ?? 'nobody')(event),
      }),
      history: {
        subscribe: (_: unknown, { room }: Room) =>
          said.source(room).startWith(() => [
            { room, text: 'first' },
            { room, text: 'second' },
          ]),
        resolve: (event: Said) => event,
      },
      ticks: {
        async *subscribe() {
          yield await Promise.resolve({ ticks: 1 });
        },
      },
    },
  });
}

type Resolvers = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** By the graphql that the tests run with. */
function withResolvers(source: string, resolvers: Resolvers): GraphQLSchema {
  const schema = buildSchema(source);
  for (const [typeName, fields] of Object.entries(resolvers)) {
    const type = schema.getType(typeName);
    if (!isObjectType(type)) continue;
    for (const [name, resolver] of Object.entries(fields)) {
      const members = typeof resolver === 'function' ? { resolve: resolver } : resolver;
      Object.assign(type.getFields()[name] ?? {}, members);
    }
  }
  return schema;
}

export const upgrade: RequestHead = {
  method: 'GET',
  url: '/graphql',
  headers: { host: 'example.com', 'sec-websocket-protocol': 'graphql-transport-ws' },
};

export interface StageOptions {
  readonly server?: Partial<GatewayServerOptions>;
  readonly gateway?: Partial<GatewayOptions>;
}

interface Sent {
  readonly frames: unknown[];
  closed: { readonly code: number; readonly reason: string } | undefined;
}

/** Functions behind a gateway that is not there: each call gets an instance of its own, and what is pushed is written down. */
export class GatewayStage {
  readonly store = new MemoryGatewayStore();
  readonly reported: unknown[] = [];
  readonly executed: string[] = [];
  now = 1_700_000_000_000;
  readonly #options: StageOptions;
  readonly #sent = new Map<string, Sent>();
  /** Of the instances that are made from now on. */
  filterAll: StageFilter | undefined;
  /** Called before a frame is pushed; what it rejects with makes the push fail. */
  onSend: ((connectionId: string, frame: string) => Promise<void>) | undefined;

  constructor(options: StageOptions = {}) {
    this.#options = options;
  }

  /** An instance that has never been called. */
  get fresh(): Gateway {
    const topics = createGatewayTopics();
    const push: GatewayPush = {
      send: async (connectionId, frame) => {
        await this.onSend?.(connectionId, frame);
        this.#of(connectionId).frames.push(JSON.parse(frame));
      },
      close: async (connectionId, code, reason) => {
        this.#of(connectionId).closed = { code, reason };
      },
    };
    return createGateway(
      {
        schema: createStageSchema(topics, {
          onExecuted: (reader) => this.executed.push(reader),
          filterAll: this.filterAll,
        }),
        onConnect: ({ connectionParams }) => ({ user: connectionParams['user'] }),
        onInternalError: (error) => this.reported.push(error),
        ...this.#options.server,
      },
      { store: this.store, push, topics, now: () => this.now, ...this.#options.gateway },
    );
  }

  /** What was pushed to a connection since the last time somebody asked. */
  taken(connectionId: string): readonly unknown[] {
    return this.#of(connectionId).frames.splice(0);
  }

  closeOf(connectionId: string): Sent['closed'] {
    return this.#of(connectionId).closed;
  }

  async message(connectionId: string, message: unknown): Promise<readonly unknown[]> {
    const data = typeof message === 'string' ? message : JSON.stringify(message);
    await this.fresh.message({ connectionId, data });
    return this.taken(connectionId);
  }

  async open(connectionId: string, request: RequestHead = upgrade): Promise<void> {
    await this.fresh.connect({ connectionId, request });
  }

  /** Opens a connection and initialises it. */
  async join(connectionId: string, payload: Readonly<Record<string, unknown>> = {}): Promise<void> {
    await this.open(connectionId);
    await this.message(connectionId, { type: 'connection_init', payload });
  }

  subscribe(connectionId: string, id: string, query: string): Promise<readonly unknown[]> {
    return this.message(connectionId, { id, type: 'subscribe', payload: { query } });
  }

  #of(connectionId: string): Sent {
    const known = this.#sent.get(connectionId) ?? { frames: [], closed: undefined };
    this.#sent.set(connectionId, known);
    return known;
  }
}
