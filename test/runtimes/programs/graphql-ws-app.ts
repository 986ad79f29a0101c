import { GraphQLError, buildSchema } from 'graphql';
import type { GraphQLSchema } from 'graphql';

const typeDefinitions = /* GraphQL */ `
  type Query {
    echo(text: String!): String
    fails: String
    whoAmI: String
    openSources: Int!
  }
  type Mutation {
    post(room: ID!, text: String!): Boolean!
    closeSockets(code: Int!): Boolean!
  }
  type Subscription {
    message(room: ID!): String
    countdown(from: Int!): Int
    flaky: Int
    breaks: Int
  }
`;

/** The member of a socket that is called here. */
interface ClosableSocket {
  close(code: number, reason: string): void;
}

/** What graphql-ws says of a connection. */
interface ConnectionLike {
  readonly connectionParams?: Readonly<Record<string, unknown>> | undefined;
  readonly extra: { readonly socket: ClosableSocket };
}

/** What a server of graphql-ws is made of. */
export interface GraphqlWsApp {
  readonly schema: GraphQLSchema;
  readonly onConnect: (connection: ConnectionLike) => boolean;
  readonly onDisconnect: (connection: ConnectionLike) => void;
  readonly context: (connection: ConnectionLike) => object;
}

/** Whoever shows this token is not let in. */
export const forbiddenToken = 'stolen';

/** An application that a test steers by operations alone. */
export function createGraphqlWsApp(): GraphqlWsApp {
  const rooms = new Map<string, Set<(text: string) => void>>();
  const sockets = new Set<ClosableSocket>();
  let openSources = 0;

  async function* counted<Event>(
    events: AsyncIterable<Event> | Iterable<Event>,
  ): AsyncGenerator<Event> {
    openSources += 1;
    try {
      yield* events;
    } finally {
      openSources -= 1;
    }
  }

  const resolvers: Resolvers = {
    Query: {
      echo: { resolve: (_, { text }) => text },
      fails: {
        resolve: () => {
          throw new GraphQLError('lookup failed');
        },
      },
      whoAmI: { resolve: (_, __, context) => (context as { readonly token?: unknown }).token }, // as made below
      openSources: { resolve: () => openSources },
    },
    Mutation: {
      post: {
        resolve: (_, { room, text }) => {
          for (const tell of rooms.get(String(room)) ?? []) tell(String(text));
          return true;
        },
      },
      closeSockets: {
        resolve: (_, { code }) => {
          for (const socket of sockets) socket.close(Number(code), 'as it was asked for');
          return true;
        },
      },
    },
    Subscription: {
      message: {
        subscribe: (_, { room }) => {
          const listeners = rooms.get(String(room)) ?? new Set();
          rooms.set(String(room), listeners);
          return new Listening(listeners, (by) => (openSources += by));
        },
        resolve: identity,
      },
      countdown: {
        subscribe: (_, { from }) => counted(countdown(Number(from))),
        resolve: identity,
      },
      flaky: {
        subscribe: () => counted([1, 2, 3]),
        resolve: (event) => {
          if (event === 2) throw new GraphQLError('flaky');
          return event;
        },
      },
      breaks: { subscribe: () => counted(broken()), resolve: identity },
    },
  };

  return {
    schema: toExecutable(resolvers),
    onConnect: ({ connectionParams, extra }) => {
      sockets.add(extra.socket);
      return connectionParams?.['token'] !== forbiddenToken;
    },
    onDisconnect: ({ extra }) => void sockets.delete(extra.socket),
    context: ({ connectionParams }) => ({ token: connectionParams?.['token'] }),
  };
}

/** What is said in a room from the call on; it may be left while nothing is said. */
class Listening implements AsyncIterableIterator<string> {
  readonly #listeners: Set<(text: string) => void>;
  readonly #count: (by: 1 | -1) => void;
  #texts: readonly string[] = [];
  #wake: (() => void) | undefined;

  constructor(listeners: Set<(text: string) => void>, count: (by: 1 | -1) => void) {
    this.#listeners = listeners.add(this.#hear);
    this.#count = count;
    count(1);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<string>> {
    while (this.#texts.length === 0 && this.#listeners.has(this.#hear)) {
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    const [value, ...rest] = this.#texts;
    this.#texts = rest;
    return value === undefined ? { done: true, value } : { done: false, value };
  }

  async return(): Promise<IteratorResult<string>> {
    if (this.#listeners.delete(this.#hear)) this.#count(-1);
    this.#wake?.();
    return { done: true, value: undefined };
  }

  readonly #hear = (text: string): void => {
    this.#texts = [...this.#texts, text];
    this.#wake?.();
  };
}

function* countdown(from: number): Generator<number> {
  for (let n = from; n > 0; n -= 1) yield n;
}

function* broken(): Generator<number> {
  yield 1;
  throw new Error('secret cause');
}

function identity(event: unknown): unknown {
  return event;
}

type Resolver = (
  source: unknown,
  args: Readonly<Record<string, unknown>>,
  context: unknown,
) => unknown;

type Resolvers = Readonly<
  Record<
    string,
    Readonly<Record<string, { readonly subscribe?: Resolver; readonly resolve?: Resolver }>>
  >
>;

function toExecutable(resolvers: Resolvers): GraphQLSchema {
  const schema = buildSchema(typeDefinitions);
  for (const [typeName, fields] of Object.entries(resolvers)) {
    const type = schema.getType(typeName);
    if (!type || !('getFields' in type)) throw new Error(`no type ${typeName}`);
    for (const [name, implementation] of Object.entries(fields)) {
      Object.assign(type.getFields()[name] ?? {}, implementation);
    }
  }
  return schema;
}
