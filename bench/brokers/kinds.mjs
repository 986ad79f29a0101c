import { setTimeout as sleep } from 'node:timers/promises';

import { BrokerProcess } from './broker-process.mjs';
import { postgresServer } from './postgres-program.mjs';

/** @typedef {{ events: number, bytes: number }} Retention what a log has to hold */
/** @typedef {{ kind: string, url?: string, retention?: Retention }} BrokerSettings */

/**
 * A broker over a server.
 *
 * @typedef {object} BrokerKind
 * @property {string} label
 * @property {number} addedP50Ms what it may add to the memory broker's median
 * @property {(core: number | undefined, adopt: (server: BrokerProcess) => void) => Promise<BrokerProcess>} start
 *   starts a server of a benchmark's own
 * @property {(settings: { url: string, retention?: Retention }) => Promise<import('millrace/broker').Broker>} create
 *   imports the broker's client: nobody needs that of another one
 * @property {(settings: { url: string }) => Promise<PublishMany>} [flood] publishes as another program would, where that is cheaper than by a broker
 */

/** @typedef {(topic: string, key: string, events: readonly unknown[]) => Promise<unknown>} PublishMany */

/** @type {Readonly<Record<string, BrokerKind>>} */
export const brokerKinds = {
  redis: {
    label: 'Redis',
    addedP50Ms: 3,
    start: (core, adopt) => BrokerProcess.start(redisServer, core, adopt),
    create: async ({ url, retention }) => {
      const { createRedisBroker } = await import('millrace/broker/redis');
      return createRedisBroker({ url, ...(retention && { retention }) });
    },
  },
  nats: {
    label: 'NATS',
    addedP50Ms: 4,
    start: (core, adopt) => BrokerProcess.start(natsServer, core, adopt),
    create: async ({ url, retention }) => {
      const { createNatsBroker } = await import('millrace/broker/nats');
      return createNatsBroker({ servers: url, ...(retention && { retention }) });
    },
    flood: async ({ url }) => {
      const { connect } = await import('@nats-io/transport-node');
      const connection = await connect({ servers: url });
      return async (topic, key, events) => {
        // as `nats pub`: what was accepted shows by being consumed
        for (const event of events)
          connection.publish(`millrace.${topic}.${key}`, JSON.stringify(event));
        await connection.flush();
      };
    },
  },
  postgres: {
    label: 'PostgreSQL',
    addedP50Ms: 6,
    start: (core, adopt) => BrokerProcess.start(postgresServer, core, adopt),
    create: async ({ url, retention }) => {
      const { createPostgresBroker } = await import('millrace/broker/postgres');
      await migrate(url);
      return createPostgresBroker({ url, ...(retention && { retention }) });
    },
  },
};

const patienceMs = 10_000;

/**
 * Makes the table of events, in whichever process comes first.
 *
 * @param {string} url of a server that accepts connections, but may not be ready for more
 */
async function migrate(url) {
  const { postgresMigration } = await import('millrace/broker/postgres');
  const { default: pg } = await import('pg');
  const giveUpAt = performance.now() + patienceMs;
  for (;;) {
    const client = new pg.Client({ connectionString: url });
    try {
      await client.connect();
      await client.query(postgresMigration());
      return;
    } catch (error) {
      if (performance.now() > giveUpAt) throw error;
      await sleep(50);
    } finally {
      await client.end();
    }
  }
}

/** @type {import('./broker-process.mjs').BrokerProgram} */
const redisServer = {
  file: 'redis-server',
  urlOf: (port) => `redis://127.0.0.1:${port}`,
  words: ({ port, directory }) => {
    const settings = { port, bind: '127.0.0.1', dir: directory, save: '', appendonly: 'no' };
    return Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]);
  },
};

/** @type {import('./broker-process.mjs').BrokerProgram} */
const natsServer = {
  file: 'nats-server',
  urlOf: (port) => `nats://127.0.0.1:${port}`,
  words: ({ port, directory }) => ['-a', '127.0.0.1', '-p', String(port), '-js', '-sd', directory],
};

/**
 * @param {string} name
 * @returns {BrokerKind}
 */
export function brokerKind(name) {
  const kind = brokerKinds[name];
  if (kind !== undefined) return kind;
  throw new Error(`no broker ${name}; there are ${Object.keys(brokerKinds).join(', ')}`);
}

/**
 * @param {BrokerSettings} settings
 * @returns {Promise<import('millrace/broker').Broker>}
 */
export async function createBroker({ kind, url = '', retention }) {
  if (kind !== 'memory') return brokerKind(kind).create({ url, ...(retention && { retention }) });
  const { createMemoryBroker } = await import('millrace/broker/memory');
  return createMemoryBroker();
}

/**
 * @param {BrokerSettings & { url: string }} settings
 * @returns {Promise<PublishMany>}
 */
export async function createFlood(settings) {
  const { flood } = brokerKind(settings.kind);
  if (flood !== undefined) return flood(settings);
  const broker = await createBroker(settings);
  return (topic, key, events) => broker.publishMany(topic, key, events);
}
