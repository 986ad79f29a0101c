/**
 * What Redis adds to the time from publishing to receiving, beside the memory broker.
 *
 *     node bench/recovery/broker-latency.mjs [--short] [--clients 10] [--rate 100] [--rounds 5] [--seconds 8]
 *
 * One server over each broker; each publishes what it delivers itself. They take turns, and each round begins with the other one.
 */
import { setTimeout as sleep } from 'node:timers/promises';

import { readFlags } from '../harness/flags.mjs';
import { alternate } from '../harness/rounds.mjs';
import { median } from '../harness/statistics.mjs';
import { watchCpu } from './stage/cpu.mjs';
import { atMost, beside } from './stage/figures.mjs';
import { requireTrue } from './stage/require-true.mjs';
import { runRecovery } from './stage/run-recovery.mjs';

/** @typedef {import('./stage/stage.mjs').Stage} Stage */

const flags = readFlags(
  { clients: 10, rate: 100, rounds: 5, seconds: 8 },
  { rounds: 3, seconds: 4 },
);
const warmUpMs = 2_000;
const settleMs = 500;
const kinds = /** @type {const} */ (['memory', 'redis']);

await runRecovery('broker-latency', {
  timeoutMs: 60_000 + flags.rounds * kinds.length * (flags.seconds * 1_000 + warmUpMs + 5_000),
  measure: async (stage) => {
    const redis = await stage.redis();
    const sides = {
      memory: await open(stage, { kind: 'memory' }),
      redis: await open(stage, { kind: 'redis', url: redis.url }),
    };
    const rounds = await alternate(flags.rounds, kinds, (kind) => measure(sides[kind]));
    const lost = [];
    for (const { clients, heads } of Object.values(sides)) {
      lost.push((await clients.ask('account', { heads, timeoutMs: 10_000 })).lost);
    }
    requireTrue(Math.max(...lost) === 0, 'events were lost');
    return { figures: toFigures(rounds), details: { flags, rounds: Object.fromEntries(rounds) } };
  },
});

/**
 * @param {Stage} stage
 * @param {{ kind: 'memory' } | { kind: 'redis', url: string }} broker
 */
async function open(stage, broker) {
  const server = await stage.server({ name: `server over ${broker.kind}`, broker });
  const clients = await stage.clients({
    name: `clients over ${broker.kind}`,
    urls: [server.ready.url],
    order: 'same',
    clients: flags.clients,
    rooms: 1,
  });
  return { server, clients, heads: {} };
}

/** @param {Awaited<ReturnType<typeof open>>} side */
async function measure(side) {
  const { server, clients } = side;
  await server.ask('start', { rooms: 1, rate: flags.rate, stamp: 'sent' });
  await sleep(warmUpMs);
  await clients.ask('latencies');
  const cpu = watchCpu({ server: server.pid });
  await sleep(flags.seconds * 1_000);
  const { cpuMs } = cpu();
  const latency = await clients.ask('latencies');
  side.heads = (await server.ask('stop')).heads;
  await sleep(settleMs);
  const events = latency.count / flags.clients;
  requireTrue(events > 0, 'nothing came');
  return { ...latency, cpuPerEventUs: ((cpuMs['server'] ?? 0) * 1_000) / events };
}

/** @param {ReadonlyMap<string, any[]>} rounds */
function toFigures(rounds) {
  /** @param {string} kind @param {(round: any) => number} of */
  const medianOf = (kind, of) => median((rounds.get(kind) ?? []).map((round) => of(round)));
  /** @param {string} kind */
  const p50 = (kind) => medianOf(kind, (round) => round.p50);
  return [
    beside('events per second', flags.rate),
    beside('memory broker: p50', p50('memory'), 'ms'),
    beside('Redis broker: p50', p50('redis'), 'ms'),
    atMost('added by Redis, p50', { value: p50('redis') - p50('memory'), unit: 'ms', most: 3 }),
    beside(
      'memory broker: p99',
      medianOf('memory', (round) => round.p99),
      'ms',
    ),
    beside(
      'Redis broker: p99',
      medianOf('redis', (round) => round.p99),
      'ms',
    ),
    ...kinds.map((kind) =>
      beside(
        `${kind}: CPU of the server by event to ${flags.clients} clients`,
        medianOf(kind, (round) => round.cpuPerEventUs),
        'us',
      ),
    ),
  ];
}
