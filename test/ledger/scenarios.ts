import { reloadSchemas, rotateKeys, rotateKeysAtOnce } from './faults/deployment.ts';
import { everything } from './faults/everything.ts';
import { loseLinks } from './faults/links.ts';
import { drainServers, freezeServer, killServers } from './faults/processes.ts';
import { slowReaders, stopReaders } from './faults/readers.ts';
import type { Flood } from './faults/readers.ts';
import { cutRedis, restartRedis, stallRedis, trimHistory } from './faults/redis.ts';
import { resetConnections } from './faults/resets.ts';
import type { LengthOptions, Scenario } from './scenario.ts';
import type { Liveness } from './server-settings.ts';

/** What is told of a log that has lost events, or may have. */
const gap = 'RESUME_GAP';

/** What is told of a queue that dropped some. */
const dropped = 'EVENTS_DROPPED';

/** What is told of a token whose key the server does not have. */
const invalid = 'RESUME_INVALID';

/** Everything that is tried, in its order. */
export function createScenarios(options: LengthOptions): readonly Scenario[] {
  return [
    ...networkScenarios(options),
    ...processScenarios(options),
    ...redisScenarios(options),
    ...readerScenarios(options),
    ...deploymentScenarios(options),
    {
      name: 'everything at once, at random',
      backplane: 'append-only',
      permits: [dropped],
      fault: (stage) =>
        everything(stage, {
          durationMs: isLong(options) ? 120_000 : 5_000,
          flood: floodOf(options),
        }),
    },
  ];
}

function networkScenarios(options: LengthOptions): readonly Scenario[] {
  const resetsMs = isLong(options) ? 30_000 : 3_000;
  const halfOpenSeconds = isLong(options) ? [5, 30] : [5];
  return [
    {
      name: 'resets of connections',
      backplane: 'append-only',
      permits: [],
      fault: (stage) => resetConnections(stage, resetsMs),
    },
    {
      name: 'resets of connections, events in memory',
      backplane: 'memory',
      permits: [],
      fault: (stage) => resetConnections(stage, resetsMs),
    },
    ...halfOpenSeconds.map((seconds): Scenario => ({
      name: `links half open for ${seconds} s`,
      backplane: 'append-only',
      permits: [],
      fault: (stage) => loseLinks(stage, seconds * 1_000),
    })),
  ];
}

function processScenarios(options: LengthOptions): readonly Scenario[] {
  const frozenSeconds = isLong(options) ? [10, 60] : [3];
  return [
    {
      name: 'servers killed (SIGKILL) and started again',
      backplane: 'append-only',
      permits: [],
      fault: killServers,
    },
    {
      name: 'the server killed that has the events in memory',
      backplane: 'memory',
      permits: [gap],
      losesEvents: true,
      fault: killServers,
    },
    ...frozenSeconds.map((seconds): Scenario => ({
      name: `a server stopped (SIGSTOP) for ${seconds} s`,
      backplane: 'append-only',
      permits: [],
      fault: (stage) => freezeServer(stage, seconds * 1_000),
    })),
    {
      name: 'servers drained (SIGTERM), one after the other',
      backplane: 'append-only',
      permits: [],
      fault: drainServers,
    },
  ];
}

function redisScenarios(options: LengthOptions): readonly Scenario[] {
  const awaySeconds = isLong(options) ? 10 : 2;
  return [
    {
      name: 'connections to Redis cut',
      backplane: 'append-only',
      permits: [],
      fault: (stage) => cutRedis(stage, awaySeconds * 1_000),
    },
    {
      name: 'Redis killed, back with its data',
      backplane: 'append-only',
      permits: [],
      fault: restartRedis,
    },
    {
      name: 'Redis killed, back without its data',
      backplane: 'nothing',
      permits: [gap],
      losesEvents: true,
      fault: restartRedis,
    },
    {
      name: 'history trimmed (XTRIM) while clients are away',
      backplane: 'append-only',
      permits: [gap],
      losesEvents: true,
      fault: trimHistory,
    },
    {
      name: 'Redis answers nobody (DEBUG SLEEP)',
      backplane: 'append-only',
      permits: [],
      fault: (stage) => stallRedis(stage, awaySeconds),
    },
  ];
}

/** Readers that are slow do not see pings in time. */
const patient: Liveness = { pingAfterMs: 60_000, answerMs: 60_000 };

function readerScenarios(options: LengthOptions): readonly Scenario[] {
  const flood = floodOf(options);
  return [
    {
      name: 'readers that stop',
      backplane: 'append-only',
      permits: [dropped],
      losesEvents: true,
      liveness: patient,
      fault: (stage) => stopReaders(stage, flood),
    },
    {
      name: 'readers that are slow',
      backplane: 'append-only',
      permits: [dropped],
      losesEvents: true,
      liveness: patient,
      fault: (stage) => slowReaders(stage, flood),
    },
  ];
}

function deploymentScenarios(options: LengthOptions): readonly Scenario[] {
  return [
    {
      name: 'schemas loaded again',
      backplane: 'append-only',
      permits: [],
      fault: reloadSchemas,
    },
    {
      name: 'keys of tokens rotated, in two rolling restarts',
      backplane: 'append-only',
      permits: [],
      fault: rotateKeys,
    },
    ...(isLong(options) ? [hastyRotation] : []),
  ];
}

/** Not what is advised: who meets a server that does not know the new key yet cannot go on. */
const hastyRotation: Scenario = {
  name: 'keys of tokens changed in one rolling restart',
  backplane: 'append-only',
  permits: [invalid],
  losesEvents: true,
  fault: rotateKeysAtOnce,
};

function isLong({ length }: LengthOptions): boolean {
  return length === 'long';
}

/** For many clients at a pace at which those who are not slow can follow. */
function floodOf(options: LengthOptions): Flood {
  const pace = { intervalMs: isLong(options) ? 500 : 5, paddingBytes: 65_536 };
  return { events: 100, pace };
}
