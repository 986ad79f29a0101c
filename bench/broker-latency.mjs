/**
 * What a broker adds to the time from publishing to receiving, beside the memory broker.
 *
 *     node bench/broker-latency.mjs [--short] [--broker redis,nats,postgres] [--clients 10] [--rate 100] [--rounds 5] [--seconds 8]
 *
 * One server over each broker; each publishes what it delivers itself. They take turns, and each round begins with another one.
 */
import { setTimeout as sleep } from 'node:timers/promises';

import { brokerKind } from './brokers/kinds.mjs';
import { readFlags } from './harness/flags.mjs';
import { alternate } from './harness/rounds.mjs';
import { median } from './harness/statistics.mjs';
import { watchCpu } from './recovery/stage/cpu.mjs';
import { atMost, beside } from './recovery/stage/figures.mjs';
import { requireTrue } from './recovery/stage/require-true.mjs';
import { runRecovery } from './recovery/stage/run-recovery.mjs';

/** @typedef {import('./recovery/stage/stage.mjs').Stage} Stage */

const flags = readFlags(
  { broker: ['redis', 'nats', 'postgres'], clients: 10, rate: 100, rounds: 5, seconds: 8 },
  { rounds: 3, seconds: 4 },
);
const warmUpMs = 2_000;
const settleMs = 500;
const kinds = ['memory', ...flags.broker];

await runRecovery('broker-latency', {
  timeoutMs: 60_000 + flags.rounds * kinds.length * (flags.seconds * 1_000 + warmUpMs + 5_000),
  measure: async (stage) => {
    /** @type {Map<string, Awaited<ReturnType<typeof open>>>} */
    const sides = new Map();
    for (const kind of kinds) sides.set(kind, await open(stage, kind));
    const rounds = await alternate(flags.rounds, kinds, (kind) => {
      const side = sides.get(kind);
      if (side === undefined) throw new Error(`no server over ${kind}`);
      return measure(side);
    });
    const lost = [];
    for (const { clients, heads } of sides.values()) {
      lost.push((await clients.ask('account', { heads, timeoutMs: 10_000 })).lost);
    }
    requireTrue(Math.max(...lost) === 0, 'events were lost');
    return { figures: toFigures(rounds), details: { flags, rounds: Object.fromEntries(rounds) } };
  },
});

/**
 * @param {Stage} stage
 * @param {string} kind
 */
async function open(stage, kind) {
  const isLocal = kind === 'memory';
  const broker = isLocal ? { kind } : { kind, url: (await stage.brokerServer(kind)).url };
  const server = await stage.server({ name: `server over ${kind}`, broker });
  const clients = await stage.clients({
    name: `clients over ${kind}`,
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
  /** @param {string} kind @param {'p50' | 'p99'} quantile */
  const latency = (kind, quantile) => medianOf(kind, (round) => round[quantile]);
  return [
    beside('events per second', flags.rate),
    ...kinds.flatMap((kind) => [
      beside(`${labelOf(kind)} broker: p50`, latency(kind, 'p50'), 'ms'),
      beside(`${labelOf(kind)} broker: p99`, latency(kind, 'p99'), 'ms'),
      beside(
        `${labelOf(kind)} broker: CPU of the server by event to ${flags.clients} clients`,
        medianOf(kind, (round) => round.cpuPerEventUs),
        'us',
      ),
    ]),
    ...flags.broker.map((kind) =>
      atMost(`added by ${labelOf(kind)}, p50`, {
        value: latency(kind, 'p50') - latency('memory', 'p50'),
        unit: 'ms',
        most: brokerKind(kind).addedP50Ms,
      }),
    ),
  ];
}

/** @param {string} kind */
function labelOf(kind) {
  return kind === 'memory' ? kind : brokerKind(kind).label;
}
