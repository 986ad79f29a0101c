import { GraphQLError, buildSchema } from 'graphql';
import type { GraphQLSchema } from 'graphql';
import type { Broker } from 'millrace/broker';
import { createMemoryBroker } from 'millrace/broker/memory';
import { subscriptionField } from 'millrace/server';

const typeDefinitions = /* GraphQL */ `
  type Message {
    text: String!
    shout: String!
  }
  type Query {
    hello: String!
    echo(text: String!): String
    double(n: Int!): Int
    fails: String
    leaks: String
    slow: String
    never: String
  }
  type Mutation {
    post(room: ID!, text: String!): Boolean!
  }
  type Subscription {
    message(room: ID!): Message
    countdown(from: Int!): Int
    flaky: Int
    breaks: Int
    notAStream: Int
    refuses: Int
    slowStart: Int
    never: Int
    flood(bytes: Int!): String
  }
`;

type Resolver = (source: unknown, args: Record<string, unknown>) => unknown;

/** An application for conversations: every way in which a field can behave, and counters of what is still open. */
export interface FixtureApp {
  readonly schema: GraphQLSchema;
  readonly broker: Broker;
  /** Lets `slow` and `slowStart` go on. */
  release(name: 'slow' | 'slowStart'): void;
  publish(room: string, text: string): Promise<unknown>;
  /** Sources whose clean-up has not run: generators, and readers of the broker. */
  openSources(): number;
}

export function createFixtureApp(): FixtureApp {
  const broker = createMemoryBroker();
  const messages = broker.topic<{ readonly text: string }>('messages');
  const gates = { slow: new Set<() => void>(), slowStart: new Set<() => void>() };
  const opened = (name: keyof typeof gates): Promise<void> =>
    new Promise((resolve) => gates[name].add(resolve));
  let open = 0;

  // counts a generator from its first step to its clean-up
  async function* counted<Event>(
    events: AsyncIterable<Event> | Iterable<Event>,
  ): AsyncGenerator<Event> {
    open += 1;
    try {
      yield* events;
    } finally {
      open -= 1;
    }
  }

  const resolvers: Record<
    string,
    Record<string, Resolver | { readonly subscribe: unknown; readonly resolve?: unknown }>
  > = {
    Message: { shout: (message) => shout((message as { readonly text: string }).text) },
    Query: {
      hello: () => 'world',
      echo: (_, { text }) => text,
      double: (_, { n }) => Number(n) * 2,
      fails: () => {
        throw new GraphQLError('lookup failed');
      },
      leaks: () => {
        throw new Error('password is hunter2');
      },
      slow: () => opened('slow').then(() => 'late'),
      never: () => new Promise(() => {}),
    },
    Mutation: {
      post: (_, { room, text }) =>
        messages.publish({ text: String(text) }, { key: String(room) }).then(() => true),
    },
    Subscription: {
      message: subscriptionField({
        topic: messages,
        key: (args: { readonly room: string }) => args.room,
      }),
      countdown: {
        subscribe: (_: unknown, { from }: { readonly from: number }) => counted(countdown(from)),
      },
      flaky: {
        subscribe: () => counted([1, 2, 3]),
        resolve: (event: number) => {
          if (event === 2) throw new GraphQLError('flaky');
          return event;
        },
      },
      breaks: {
        subscribe: () =>
          counted(
            (function* () {
              yield 1;
              throw new Error('secret cause');
            })(),
          ),
      },
      notAStream: { subscribe: () => 7 },
      refuses: {
        subscribe: () => {
          throw new GraphQLError('no such room');
        },
      },
      slowStart: { subscribe: () => opened('slowStart').then(() => counted(countdown(3))) },
      never: { subscribe: () => new Promise(() => {}) },
      flood: {
        subscribe: (_: unknown, { bytes }: { readonly bytes: number }) =>
          counted(
            (function* () {
              for (;;) yield 'x'.repeat(bytes);
            })(),
          ),
      },
    },
  };

  return {
    schema: toExecutable(resolvers),
    broker,
    release(name) {
      for (const go of gates[name]) go();
      gates[name].clear();
    },
    publish: (room, text) => messages.publish({ text }, { key: room }),
    openSources: () => open + broker.readerCount,
  };
}

function* countdown(from: number): Generator<number> {
  for (let n = from; n > 0; n -= 1) yield n;
}

function shout(text: string): string {
  if (text === 'bad') throw new GraphQLError('cannot shout this');
  return text.toUpperCase();
}

function toExecutable(resolvers: Record<string, Record<string, unknown>>): GraphQLSchema {
  const schema = buildSchema(typeDefinitions);
  for (const [typeName, fields] of Object.entries(resolvers)) {
    const type = schema.getType(typeName);
    if (!type || !('getFields' in type)) throw new Error(`no type ${typeName}`);
    for (const [name, resolver] of Object.entries(fields)) {
      const implementation = typeof resolver === 'function' ? { resolve: resolver } : resolver;
      Object.assign(type.getFields()[name] ?? {}, implementation);
    }
  }
  return schema;
}
