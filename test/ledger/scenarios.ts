import { backplanes } from './backplanes/index.ts';
import type { Persistence } from './backplanes/types.ts';
import type { SharedBrokerName } from './brokers.ts';
import { cutBackplane, restartBackplane, stallBackplane, trimHistory } from './faults/backplane.ts';
import { reloadSchemas, rotateKeys, rotateKeysAtOnce } from './faults/deployment.ts';
import { everything } from './faults/everything.ts';
import { loseLinks } from './faults/links.ts';
import { deleteStream, purgeStream } from './faults/nats.ts';
import { commitOutOfOrder, terminateBackends } from './faults/postgres.ts';
import { drainServers, freezeServer, killServers } from './faults/processes.ts';
import { slowReaders, stopReaders } from './faults/readers.ts';
import type { Flood } from './faults/readers.ts';
import { resetConnections } from './faults/resets.ts';
import type { Store } from './fleet.ts';
import type { LengthOptions, Scenario } from './scenario.ts';
import type { Liveness } from './server-settings.ts';

/** What is told of a log that has lost events, or may have. */
const gap = 'RESUME_GAP';

/** What is told of a queue that dropped some. */
const dropped = 'EVENTS_DROPPED';

/** What is told of a token whose key the server does not have. */
const invalid = 'RESUME_INVALID';

/** Of these the first is tried with everything in runs of any length; the others then only with what they have part in. */
const sharedBrokers = ['redis', 'nats', 'postgres'] as const satisfies readonly SharedBrokerName[];

/** Everything that is tried, in its order. */
export function createScenarios(options: LengthOptions): readonly Scenario[] {
  const [first, ...others] = sharedBrokers;
  const scenariosOver = isLong(options) ? allScenarios : brokerScenarios;
  return [
    ...memoryScenarios(options),
    ...allScenarios(first, options),
    ...others.flatMap((broker) => scenariosOver(broker, options)),
  ];
}

function allScenarios(broker: SharedBrokerName, options: LengthOptions): readonly Scenario[] {
  const store = storeOf(broker);
  return [
    ...networkScenarios(store, options),
    ...processScenarios(store, options),
    ...backplaneScenarios(broker, options),
    ...readerScenarios(store, options),
    ...deploymentScenarios(store, options),
    atRandom(store, options),
  ];
}

/** What the broker has a part in. */
function brokerScenarios(broker: SharedBrokerName, options: LengthOptions): readonly Scenario[] {
  const store = storeOf(broker);
  return [killedServers(store), ...backplaneScenarios(broker, options), atRandom(store, options)];
}

/** One server, with which all events go. */
function memoryScenarios(options: LengthOptions): readonly Scenario[] {
  const store: Store = { broker: 'memory' };
  return [
    resets(store, options),
    {
      name: 'the server killed that has the events in memory',
      store,
      permits: [gap],
      losesEvents: true,
      fault: killServers,
    },
    ...(isLong(options)
      ? [
          ...halfOpenLinks(store, options),
          ...frozenServers(store, options),
          ...readerScenarios(store, options),
          reloadedSchemas(store),
        ]
      : []),
  ];
}

function networkScenarios(store: Store, options: LengthOptions): readonly Scenario[] {
  return [resets(store, options), ...halfOpenLinks(store, options)];
}

function resets(store: Store, options: LengthOptions): Scenario {
  const durationMs = isLong(options) ? 30_000 : 3_000;
  return {
    name: 'resets of connections',
    store,
    permits: [],
    fault: (stage) => resetConnections(stage, durationMs),
  };
}

function halfOpenLinks(store: Store, options: LengthOptions): readonly Scenario[] {
  const times = isLong(options) ? [5, 30] : [5];
  return times.map((seconds) => ({
    name: `links half open for ${seconds} s`,
    store,
    permits: [],
    fault: (stage) => loseLinks(stage, seconds * 1_000),
  }));
}

function processScenarios(store: Store, options: LengthOptions): readonly Scenario[] {
  return [
    killedServers(store),
    ...frozenServers(store, options),
    {
      name: 'servers drained (SIGTERM), one after the other',
      store,
      permits: [],
      fault: drainServers,
    },
  ];
}

function killedServers(store: Store): Scenario {
  return {
    name: 'servers killed (SIGKILL) and started again',
    store,
    permits: [],
    fault: killServers,
  };
}

function frozenServers(store: Store, options: LengthOptions): readonly Scenario[] {
  const times = isLong(options) ? [10, 60] : [3];
  return times.map((seconds) => ({
    name: `a server stopped (SIGSTOP) for ${seconds} s`,
    store,
    permits: [],
    fault: (stage) => freezeServer(stage, seconds * 1_000),
  }));
}

function backplaneScenarios(broker: SharedBrokerName, options: LengthOptions): readonly Scenario[] {
  const { title, means } = backplanes[broker];
  const store = storeOf(broker);
  const awayMs = isLong(options) ? 10_000 : 2_000;
  return [
    {
      name: `connections to ${title} cut`,
      store,
      permits: [],
      fault: (stage) => cutBackplane(stage, awayMs),
    },
    {
      name: `${title} killed, back with its data`,
      store,
      permits: [],
      fault: restartBackplane,
    },
    {
      name: `${title} killed, back without its data`,
      store: storeOf(broker, 'nothing'),
      permits: [gap],
      losesEvents: true,
      fault: restartBackplane,
    },
    {
      name: `history removed (${means.trim}) while clients are away`,
      store,
      permits: [gap],
      losesEvents: true,
      fault: trimHistory,
    },
    {
      name: `${title} answers nobody (${means.stall})`,
      store,
      permits: [],
      fault: (stage) => stallBackplane(stage, awayMs),
    },
    ...(broker === 'postgres' ? transactionScenarios(store, options) : []),
    ...(broker === 'nats' ? streamScenarios(store, options) : []),
  ];
}

/** What only JetStream has: one stream with all logs. */
function streamScenarios(store: Store, options: LengthOptions): readonly Scenario[] {
  return [
    {
      name: 'the whole stream purged while clients are away',
      store,
      permits: [gap],
      losesEvents: true,
      fault: purgeStream,
    },
    ...(isLong(options) ? [deletedStream(store)] : []),
  ];
}

function deletedStream(store: Store): Scenario {
  return {
    name: 'the stream deleted while clients are away',
    store,
    permits: [gap],
    losesEvents: true,
    fault: deleteStream,
  };
}

/** What only a database has. */
function transactionScenarios(store: Store, options: LengthOptions): readonly Scenario[] {
  return [
    {
      name: 'all connections to PostgreSQL terminated, again and again',
      store,
      permits: [],
      fault: (stage) => terminateBackends(stage, isLong(options) ? 30 : 5),
    },
    {
      name: 'transactions that commit in another order than they insert',
      store,
      permits: [],
      fault: (stage) => commitOutOfOrder(stage, { pairs: isLong(options) ? 200 : 20 }),
    },
  ];
}

/** Readers that are slow do not see pings in time. */
const patient: Liveness = { pingAfterMs: 60_000, answerMs: 60_000 };

function readerScenarios(store: Store, options: LengthOptions): readonly Scenario[] {
  const flood = floodOf(options);
  return [
    {
      name: 'readers that stop',
      store,
      permits: [dropped],
      losesEvents: true,
      liveness: patient,
      fault: (stage) => stopReaders(stage, flood),
    },
    {
      name: 'readers that are slow',
      store,
      permits: [dropped],
      losesEvents: true,
      liveness: patient,
      fault: (stage) => slowReaders(stage, flood),
    },
  ];
}

function deploymentScenarios(store: Store, options: LengthOptions): readonly Scenario[] {
  return [
    reloadedSchemas(store),
    {
      name: 'keys of tokens rotated, in two rolling restarts',
      store,
      permits: [],
      fault: rotateKeys,
    },
    ...(isLong(options) ? [hastyRotation(store)] : []),
  ];
}

function reloadedSchemas(store: Store): Scenario {
  return { name: 'schemas loaded again', store, permits: [], fault: reloadSchemas };
}

/** Not what is advised: who meets a server that does not know the new key yet cannot go on. */
function hastyRotation(store: Store): Scenario {
  return {
    name: 'keys of tokens changed in one rolling restart',
    store,
    permits: [invalid],
    losesEvents: true,
    fault: rotateKeysAtOnce,
  };
}

function atRandom(store: Store, options: LengthOptions): Scenario {
  const durationMs = isLong(options) ? 120_000 : 5_000;
  return {
    name: 'everything at once, at random',
    store,
    permits: [dropped],
    fault: (stage) => everything(stage, { durationMs, flood: floodOf(options) }),
  };
}

function storeOf(broker: SharedBrokerName, keeps: Persistence = 'everything'): Store {
  return { broker, keeps };
}

function isLong({ length }: LengthOptions): boolean {
  return length === 'long';
}

/** For many clients at a pace at which those who are not slow can follow. */
function floodOf(options: LengthOptions): Flood {
  const paddingBytes = 65_536;
  // many clients leave the system some 5 MB of memory for each
  return isLong(options)
    ? { events: 160, pace: { intervalMs: 500, paddingBytes } }
    : { events: 100, pace: { intervalMs: 5, paddingBytes } };
}
