import {
  GraphQLInt,
  GraphQLNonNull,
  GraphQLObjectType,
  GraphQLSchema,
  GraphQLString,
} from 'graphql';
import { createMemoryBroker } from 'millrace/broker/memory';
import type { MemoryBroker, MemoryBrokerOptions } from 'millrace/broker/memory';
import { createClient } from 'millrace/client';
import type { Client } from 'millrace/client';
import { resumable } from 'millrace/client/resume';
import type { ResumeOptions as ClientResumeOptions } from 'millrace/client/resume';
import { websocket } from 'millrace/client/websocket';
import { createServer, pure, subscriptionField } from 'millrace/server';
import type { Server, ServerOptions } from 'millrace/server';
import { VirtualClock, inMemoryWebSocket, manualSignals } from 'millrace/testing';
import type { InMemoryWebSocket } from 'millrace/testing';

/** A server over one broker, and clients that can lose it. */
export interface ReturnStage {
  readonly clock: VirtualClock;
  readonly server: Server;
  readonly broker: MemoryBroker;
  readonly network: InMemoryWebSocket;
  /** The snapshot of `rows` has a second row now. */
  readonly finishRows: () => void;
  readonly publish: (...events: readonly number[]) => Promise<void>;
  /** All in one turn, faster than anybody reads. */
  readonly publishAtOnce: (...events: readonly number[]) => Promise<void>;
  /** How often `seen` was executed. */
  readonly executions: () => number;
  readonly connect: (resume?: ClientResumeOptions | false, options?: object) => Client;
}

/** Its subscription fields: `tick` is shared, `mine` is not, `even` has a filter, `rows` and `state` begin with a snapshot. */
export function stage(
  serverOptions: Partial<ServerOptions> = {},
  brokerOptions: MemoryBrokerOptions = {},
  broker = createMemoryBroker(brokerOptions),
): ReturnStage {
  const clock = new VirtualClock();
  const ticks = broker.topic<number>('ticks');
  let latest = 0;
  const waiting: (() => void)[] = [];
  const finished = new Promise<void>((resolve) => {
    waiting.push(resolve);
  });
  async function* rows(): AsyncGenerator<number> {
    yield 1;
    await finished;
    yield 2;
  }
  let executions = 0;
  const look = (event: number): number => {
    executions += 1;
    return event;
  };
  const room = { type: new GraphQLNonNull(GraphQLString), defaultValue: 'r' };
  const tick = subscriptionField({ topic: ticks, key: (args: { room: string }) => args.room });
  const schema = new GraphQLSchema({
    query: new GraphQLObjectType({ name: 'Query', fields: { a: { type: GraphQLInt } } }),
    subscription: new GraphQLObjectType({
      name: 'Subscription',
      fields: {
        tick: { type: GraphQLInt, args: { room }, ...tick },
        even: {
          type: GraphQLInt,
          subscribe: () => ticks.source('r').filter((n) => n % 2 === 0),
        },
        seen: { type: GraphQLInt, subscribe: () => ticks.source('r'), resolve: pure(look) },
        // not pure, so each executes its own
        mine: { type: GraphQLInt, subscribe: () => ticks.source('r'), resolve: same },
        rows: { type: GraphQLInt, subscribe: () => ticks.source('r').startWith(rows) },
        state: { type: GraphQLInt, subscribe: () => ticks.source('r').startWith(() => [latest]) },
      },
    }),
  });
  const server = createServer({
    schema,
    broker,
    clock,
    protocols: ['graphql-transport-ws', 'subscriptions-transport-ws'],
    ...serverOptions,
  });
  const network = inMemoryWebSocket(server, { clock });
  return {
    clock,
    server,
    broker,
    network,
    finishRows: () => waiting[0]?.(),
    async publish(...events) {
      for (const event of events) {
        latest = event;
        await ticks.publish(event, { key: 'r' });
      }
      await clock.settle();
    },
    async publishAtOnce(...events) {
      await ticks.publishMany(events, { key: 'r' });
      await clock.settle();
    },
    executions: () => executions,
    connect: (resume = {}, options = {}) =>
      createClient({
        url: 'ws://server.test/graphql',
        transport: websocket({ WebSocket: network.WebSocket }),
        ...(resume && { resume: resumable(resume) }),
        clock,
        random: () => 0.5,
        signals: manualSignals().signals,
        ...options,
      }),
  };
}

const same = (event: unknown): unknown => event;

/** What a subscription brought. */
export interface Watched {
  readonly heard: unknown[];
  readonly states: unknown[];
}

export function watch(client: Client, query: string, field: string): Watched {
  const handle = client.subscribe({ query });
  const watched: Watched = { heard: [], states: [] };
  void (async () => {
    for await (const state of handle.status) watched.states.push(state);
  })();
  handle.subscribe(({ data, errors, extensions }) => {
    watched.heard.push(errors?.[0]?.extensions?.['code'] ?? data?.[field]);
    if (extensions) watched.heard.push(extensions);
  });
  return watched;
}

/** Cuts every connection, lets `meanwhile` happen, and lets the clients come back. */
export async function away(
  { network, clock }: ReturnStage,
  meanwhile: () => Promise<void>,
): Promise<void> {
  network.goOffline();
  for (const connection of network.connections) connection.drop();
  await clock.settle();
  await meanwhile();
  network.goOnline();
  await clock.advance(5_000);
}
