import { buildSchema } from 'graphql';
import type { GraphQLSchema } from 'graphql';
import type { Topic } from 'millrace/broker';
import type { MemoryBroker, MemoryBrokerOptions } from 'millrace/broker/memory';
import { createMemoryBroker } from 'millrace/broker/memory';
import type { ServerOptions } from 'millrace/server';
import { subscriptionField } from 'millrace/server';

import type { Conversation } from './conversation.ts';
import { converse, messagesOf, subscribe } from './conversation.ts';
import type { MemoryClient } from './memory-client.ts';

const typeDefinitions = /* GraphQL */ `
  "SDL gives it no functions: what it holds goes out as it is."
  scalar Anything
  input Match {
    least: Int
    words: [String!]
  }
  type Message {
    text: String
    body: Anything
    owner: String
    replies: [Message]
  }
  type Query {
    noop: Int
  }
  type Subscription {
    message(room: String, match: Match): Message
    other(room: String): Message
  }
`;

/** An event; members may be functions, promises, getters. */
export type Post = Readonly<Record<string, unknown>>;

/** What a field of the schema gets: a resolver, or what `subscriptionField` gives. */
export type Fields = Readonly<Record<string, object>>;

/** A server whose subscriptions `message` and `other` read one topic by room. */
export interface SharingServer extends Conversation {
  readonly topic: Topic<Post>;
  readonly broker: MemoryBroker;
  readonly publish: (text: string, room?: string) => Promise<unknown>;
  /** Executions for a group and for single subscribers of one, so far. */
  readonly executions: () => readonly [shared: number, personal: number];
  /** Clients that listen to the same. */
  readonly subscribers: (count: number, query?: string) => Promise<readonly MemoryClient[]>;
}

/** What {@link serveSharing} may be told. */
export interface SharingServerOptions {
  /** Replace the implementation of fields, by type. */
  readonly fields?: (topic: Topic<Post>) => Readonly<Record<string, Fields>>;
  readonly options?: Partial<ServerOptions>;
  readonly broker?: MemoryBrokerOptions;
}

export const textQuery = 'subscription { message { text } }';

export function serveSharing({
  fields,
  options,
  broker: limits,
}: SharingServerOptions = {}): SharingServer {
  const broker = createMemoryBroker(limits);
  const topic = broker.topic<Post>('posts');
  const schema = createSchema(topic, fields?.(topic));
  const conversation = converse({ schema, broker, ...options });
  const { server, ready, clock } = conversation;
  return {
    ...conversation,
    topic,
    broker,
    publish: (text, room = '') => topic.publish({ text }, { key: room }),
    executions() {
      const { executions, personalExecutions } = server.sharing();
      return [executions, personalExecutions];
    },
    async subscribers(count, query = textQuery) {
      const clients: MemoryClient[] = [];
      for (let i = 0; i < count; i += 1) {
        const client = await ready();
        subscribe(client, '1', query);
        clients.push(client);
      }
      await clock.settle();
      return clients;
    },
  };
}

/** The schema over `topic`, each call another one. */
export function createSchema(
  topic: Topic<Post>,
  fields: Readonly<Record<string, Fields>> = {},
): GraphQLSchema {
  const schema = buildSchema(typeDefinitions);
  const ofRoom = subscriptionField({
    topic,
    key: (args: { readonly room?: string }) => args.room ?? '',
  });
  const { Subscription, ...others } = fields;
  implement(schema, { Subscription: { message: ofRoom, other: ofRoom, ...Subscription } });
  implement(schema, others);
  return schema;
}

function implement(
  schema: GraphQLSchema,
  fields: Readonly<Record<string, Readonly<Record<string, object>>>>,
): void {
  for (const [typeName, ofType] of Object.entries(fields)) {
    const type = schema.getType(typeName);
    if (!type || !('getFields' in type)) throw new Error(`no type ${typeName}`);
    for (const [name, implementation] of Object.entries(ofType)) {
      const field = type.getFields()[name];
      if (!field) throw new Error(`no field ${typeName}.${name}`);
      const functions =
        typeof implementation === 'function' ? { resolve: implementation } : implementation;
      Object.assign(field, functions);
    }
  }
}

/** What each of `clients` was sent since it was last asked, without the envelope. */
export async function heardBy(
  clients: readonly MemoryClient[],
): Promise<readonly (readonly unknown[])[]> {
  return Promise.all(clients.map(heard));
}

/** The payloads of what a client was sent since it was last asked; `complete` and closes as their names. */
export async function heard(client: MemoryClient): Promise<readonly unknown[]> {
  const messages = await messagesOf(client);
  for (let taken = 0; taken < messages.length; taken += 1) await client.next();
  return messages.map(toHeard);
}

function toHeard(message: unknown): unknown {
  const { type, payload, kind } = message as {
    readonly type?: string;
    readonly payload?: unknown;
    readonly kind?: string;
  }; // an observation, or a message of the server
  if (type === 'next') return (payload as { readonly data?: unknown }).data ?? payload;
  return type === 'error' ? { errors: payload } : (type ?? kind);
}

/** Ends an operation of a client that speaks `graphql-transport-ws`. */
export function unsubscribe(client: MemoryClient | undefined, id = '1'): void {
  client?.send(JSON.stringify({ id, type: 'complete' }));
}

/** Everything that has to be gone when everybody has left. */
export function leftoversOf({ server, broker, clock }: SharingServer): object {
  const { groups, subscribers, largestGroups } = server.sharing();
  const { readerCount } = broker;
  return {
    ...server.gauges(),
    groups,
    subscribers,
    largestGroups,
    readerCount,
    timers: clock.timerCount,
  };
}

/** What {@link leftoversOf} says then. */
export const nothing = {
  connections: 0,
  operations: 0,
  deadlines: 0,
  readers: 0,
  groups: 0,
  subscribers: 0,
  largestGroups: [],
  readerCount: 0,
  timers: 0,
};

/** The data of a message with this text. */
export const said = (text: unknown): object => ({ message: { text } });

/** A value that counts how often it was written as JSON. */
export class Countable {
  encodings = 0;
  readonly #value: unknown;

  constructor(value: unknown) {
    this.#value = value;
  }

  toJSON(): unknown {
    this.encodings += 1;
    return this.#value;
  }
}

/** A promise that somebody else settles. */
export class Gate<Value = void> {
  readonly promise: Promise<Value>;
  #settle: { readonly open: (value: Value) => void; readonly fail: (error: Error) => void } = shut;

  constructor() {
    this.promise = new Promise((open, fail) => {
      this.#settle = { open, fail };
    });
  }

  open(value: Value): void {
    this.#settle.open(value);
  }

  fail(error: Error): void {
    this.#settle.fail(error);
  }
}

const shut = { open() {}, fail() {} };
