import { EventEmitter, on } from 'node:events';

import type { GraphQLSchema } from 'graphql';

import { until } from '../../support/waiting.ts';
import { graphql } from './graphql.ts';

const typeDefinitions = /* GraphQL */ `
  type Message {
    text: String!
  }
  type Query {
    hello: String!
    echo(text: String!): String
    double(n: Int!): Int
    fails: String
    whoAmI: String
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
  }
`;

/** What resolvers see of whoever asks. */
export interface ForeignContext {
  readonly token?: unknown;
}

/** An application for a server that is not ours, with counters of what it does. */
export interface ForeignApp {
  readonly schema: GraphQLSchema;
  /** The context of whoever shows this token, or `undefined` for those who may not enter. */
  readonly admit: (token: unknown) => ForeignContext | undefined;
  publish(room: string, text: string): void;
  /** How many sources were ever opened. */
  readonly opened: number;
  /**
   * Resolves once exactly `count` sources are open: what is published from then on reaches them, or nobody if it is 0. A query
   * of `never` counts as one.
   */
  sources(count: number): Promise<void>;
}

/** The token that nobody is let in with. */
export const forbiddenToken = 'stolen';

export function createForeignApp(): ForeignApp {
  const rooms = new EventEmitter();
  const sources = new Sources();
  const schema = graphql.buildSchema(typeDefinitions);
  implement(schema, 'Query', {
    hello: { resolve: () => 'world' },
    echo: { resolve: (_, { text }) => text },
    double: { resolve: (_, { n }) => Number(n) * 2 },
    fails: { resolve: fail },
    whoAmI: { resolve: (_, __, { token }) => token },
    never: { resolve: () => sources.hold() },
  });
  implement(schema, 'Mutation', {
    post: { resolve: (_, { room, text }) => rooms.emit(String(room), text) },
  });
  implement(schema, 'Subscription', {
    message: {
      subscribe: (_, { room }) => sources.count(on(rooms, String(room))),
      resolve: (event) => ({ text: (event as readonly unknown[])[0] }), // the arguments of `emit`
    },
    countdown: {
      subscribe: (_, { from }) => sources.count(countdown(Number(from))),
      resolve: identity,
    },
    flaky: { subscribe: () => sources.count(countdown(3)), resolve: failInTheMiddle },
    breaks: { subscribe: () => sources.count(brokenSource()), resolve: identity },
  });
  return {
    schema,
    admit: (token) => (token === forbiddenToken ? undefined : { token }),
    publish: (room, text) => void rooms.emit(room, text),
    get opened() {
      return sources.opened;
    },
    sources: (count) => until(() => sources.open === count, `${count} open sources`),
  };
}

/** Counts sources from their creation to their end, whoever ends them. */
class Sources {
  opened = 0;
  open = 0;

  count<Event>(events: AsyncIterableIterator<Event>): AsyncIterableIterator<Event> {
    this.opened += 1;
    this.open += 1;
    let isOpen = true;
    const ended = (): void => {
      if (isOpen) this.open -= 1;
      isOpen = false;
    };
    const source: AsyncIterableIterator<Event> = {
      next: () =>
        events.next().then(
          (result) => {
            if (result.done) ended();
            return result;
          },
          (error: unknown) => {
            ended();
            throw error;
          },
        ),
      return: () => {
        ended();
        return events.return?.() ?? Promise.resolve({ done: true, value: undefined });
      },
      [Symbol.asyncIterator]: () => source,
    };
    return source;
  }

  /** An answer that never comes. */
  hold(): Promise<never> {
    this.open += 1;
    return new Promise(() => {});
  }
}

async function* countdown(from: number): AsyncGenerator<number> {
  for (let n = from; n > 0; n -= 1) yield n;
}

async function* brokenSource(): AsyncGenerator<number> {
  yield 1;
  throw new Error('secret cause');
}

function fail(): never {
  throw new graphql.GraphQLError('lookup failed');
}

function failInTheMiddle(event: unknown): unknown {
  if (event === 2) throw new graphql.GraphQLError('flaky');
  return event;
}

function identity(event: unknown): unknown {
  return event;
}

type Resolver = (
  source: unknown,
  args: Readonly<Record<string, unknown>>,
  context: ForeignContext,
) => unknown;

function implement(
  schema: GraphQLSchema,
  typeName: string,
  resolvers: Readonly<
    Record<string, { readonly resolve?: Resolver; readonly subscribe?: Resolver }>
  >,
): void {
  const type = schema.getType(typeName);
  if (!type || !('getFields' in type)) throw new Error(`no type ${typeName}`);
  for (const [name, implementation] of Object.entries(resolvers)) {
    Object.assign(type.getFields()[name] ?? {}, implementation);
  }
}
