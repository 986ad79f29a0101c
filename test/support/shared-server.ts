import cluster from 'node:cluster';
import process from 'node:process';

import { GraphQLObjectType, GraphQLSchema, GraphQLString } from 'graphql';
import { listen } from 'millrace/adapters/node';
import type { WorkerOptions } from 'millrace/adapters/node';
import type { Broker, LogReader } from 'millrace/broker';
import { createMemoryBroker } from 'millrace/broker/memory';
import { createRedisBroker } from 'millrace/broker/redis';
import { createServer, refuse, subscriptionField } from 'millrace/server';

import type { WorkerMessage } from '../../src/adapters/workers/worker-messages.ts';

/** How a test wants this program to be: in the variable `SHARED`. */
export interface SharedServerOptions {
  /** Absent: events stay in the process. */
  readonly redis?: { readonly url: string; readonly prefix: string };
  readonly workers?: WorkerOptions;
  readonly port?: number;
  readonly windowMs?: number;
  /** Workers end before they listen. */
  readonly fails?: boolean;
  /** What keeps a worker from its end: `blocked`, its program does nothing else once it has sent a client away; `busy`, it takes SIGTERM itself, and goes on. */
  readonly stuck?: 'blocked' | 'busy';
  /** The window of the drain that the program itself begins on SIGUSR2, in whichever process gets it. */
  readonly ownWindowMs?: number;
  /** How many workers listen: those that come later do something else, for ever. */
  readonly listeners?: number;
}

/** What it writes once it listens, or cannot: a line of JSON. */
export type SharedServerLine =
  | {
      readonly role: 'alone' | 'primary' | 'worker';
      readonly pid: number;
      readonly url: string;
      readonly workers: readonly number[];
    }
  | { readonly begun: 'late' }
  | { readonly draining: number }
  /** What a worker that leaves has told the primary. */
  | { readonly leavingOver: number }
  | { readonly error: { readonly name: string; readonly code: unknown } };

/** What the query `stats` says of the process that answers it, as JSON. */
export interface ProcessStats {
  readonly pid: number;
  /** Subscriptions that wait for events. */
  readonly subscribers: number;
  readonly executions: number;
  /** Events that the broker handed over to this process. */
  readonly eventsRead: number;
}

/** Counts the events that the readers of `broker` give. */
class CountingBroker {
  eventsRead = 0;
  readonly broker: Broker;

  constructor(broker: Broker) {
    const read = broker.read.bind(broker);
    this.broker = broker;
    broker.read = async (...place) => this.#counting(await read(...place));
  }

  #counting(reader: LogReader): LogReader {
    const read = reader.read.bind(reader);
    reader.read = async () => {
      const batch = await read();
      this.eventsRead += batch?.length ?? 0;
      return batch;
    };
    return reader;
  }
}

const options = JSON.parse(process.env['SHARED'] ?? '{}') as SharedServerOptions; // of a test
const { redis, workers, port = 0, windowMs = 100 } = options;
const counting = new CountingBroker(redis ? createRedisBroker(redis) : createMemoryBroker());
const messages = counting.broker.topic<string>('messages');
const text = { type: GraphQLString, args: { text: { type: GraphQLString } } } as const;

const schema = new GraphQLSchema({
  query: new GraphQLObjectType({
    name: 'Query',
    fields: {
      stats: { type: GraphQLString, resolve: () => JSON.stringify(stats()) },
      never: { type: GraphQLString, resolve: () => new Promise(() => {}) },
      late: { type: GraphQLString, resolve: whileDraining },
    },
  }),
  mutation: new GraphQLObjectType({
    name: 'Mutation',
    fields: {
      post: { ...text, resolve: async (_, args) => (await messages.publish(args['text'])).offset },
      revoke: {
        ...text,
        resolve: async (_, args) => {
          await server.revoke({ principal: args['text'] });
          return args['text'];
        },
      },
      crash: { ...text, resolve: () => process.kill(process.pid, 'SIGKILL') },
    },
  }),
  subscription: new GraphQLObjectType({
    name: 'Subscription',
    fields: {
      message: { type: GraphQLString, ...subscriptionField({ topic: messages }) },
      endless: { type: GraphQLString, subscribe: endless },
    },
  }),
});

const server = createServer({
  schema,
  broker: counting.broker,
  onConnect: ({ connectionParams }) => {
    const name = String(connectionParams['name'] ?? 'nobody');
    return name === 'mallory' ? refuse({ reason: 'Not you' }) : { name };
  },
  principal: ({ name }) => name,
  revocations: {},
  onDisconnect: ({ code }) => options.stuck === 'blocked' && code === 1012 && block(),
});

/** Answers some time after the primary has said that all drain. */
async function whileDraining(): Promise<string> {
  write({ begun: 'late' });
  await new Promise((resolve) => process.once('message', resolve));
  await new Promise((resolve) => setTimeout(resolve, 500));
  return 'came';
}

// what returns it has to wait for the promise
async function* endless(): AsyncGenerator {
  yield { endless: 'began' };
  await new Promise(() => {});
}

/** Keeps the event loop of this process for ever. */
function block(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
}

function stats(): ProcessStats {
  const { subscribers, executions } = server.sharing();
  return { pid: process.pid, subscribers, executions, eventsRead: counting.eventsRead };
}

function write(line: SharedServerLine): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

if (options.fails && cluster.isWorker) process.exit(3);
if (options.stuck === 'busy' && cluster.isWorker) {
  process.on('SIGTERM', () => setInterval(() => {}, 1_000));
}
if (cluster.worker && cluster.worker.id > (options.listeners ?? Infinity)) {
  await new Promise(() => setInterval(() => {}, 1_000));
}
try {
  const running = await listen(server, {
    port,
    host: '127.0.0.1',
    drain: { windowMs },
    ...(workers && { workers }),
  });
  const { role, url } = running;
  const { ownWindowMs } = options;
  if (ownWindowMs !== undefined) {
    process.on('SIGUSR2', () => {
      void running.drain({ windowMs: ownWindowMs });
      write({ draining: process.pid });
    });
    cluster.on('message', (_worker, message: Partial<WorkerMessage>) => {
      if (message.millrace === 'leaving') write({ leavingOver: message.windowMs ?? 0 });
    });
  }
  write({ role, url, pid: process.pid, workers: running.workers });
} catch (error) {
  const { name, code } = error as NodeJS.ErrnoException; // nothing else is thrown here
  write({ error: { name, code } });
  process.exitCode = 1;
  await counting.broker.close();
  await server.close();
}
