/**
 * How many events of one topic a process can take from a broker, while others publish them.
 *
 *     node bench/broker-consumption.mjs [--short] [--broker redis,nats,postgres] [--ways reader,subscription,resumable] [--bytes 200] [--rounds 3]
 *                                        [--seconds 6] [--window 5000] [--batch 100] [--flight 20]
 *
 * Closed loop: `batch` events are published at once, `flight` times `batch` are on their way, and never more than `window` events before the consumer. The ways are
 * a reader of the broker and nothing else; a server with one client over WebSocket; the same with a client that gets a token with each event.
 * Nothing is pinned to a core: there are more processes than cores.
 */
import { setTimeout as sleep } from 'node:timers/promises';

import { brokerKind } from './brokers/kinds.mjs';
import { readFlags } from './harness/flags.mjs';
import { alternate } from './harness/rounds.mjs';
import { median } from './harness/statistics.mjs';
import { watchCpu } from './recovery/stage/cpu.mjs';
import { atLeast, beside } from './recovery/stage/figures.mjs';
import { requireTrue } from './recovery/stage/require-true.mjs';
import { runRecovery } from './recovery/stage/run-recovery.mjs';

/** @typedef {import('./recovery/stage/stage.mjs').Stage} Stage */
/** @typedef {import('./recovery/stage/worker.mjs').Worker} Worker */
/** @typedef {{ kind: string, way: string }} Load */

const flags = readFlags(
  {
    broker: ['redis', 'nats'],
    ways: ['reader', 'subscription', 'resumable'],
    bytes: 200,
    rounds: 3,
    seconds: 6,
    window: 5_000,
    batch: 100,
    flight: 20,
  },
  { rounds: 1, seconds: 4 },
);
const warmUpMs = 2_000;
/** A log has to hold more than what is on its way, where it is stored as well as in the process. */
const retention = { events: 4 * flags.window, bytes: 10 * flags.window * flags.bytes };
/** @type {Readonly<Record<string, string>>} */
const labels = {
  reader: 'broker.read',
  subscription: 'a subscription',
  resumable: 'a subscription with tokens',
};

/** @type {readonly Load[]} */
const loads = flags.broker.flatMap((kind) => flags.ways.map((way) => ({ kind, way })));

await runRecovery('broker-consumption', {
  timeoutMs: 60_000 + flags.rounds * loads.length * (flags.seconds * 1_000 + warmUpMs + 15_000),
  measure: async (stage) => {
    const rounds = await alternate(flags.rounds, loads, (load) => measure(stage, load));
    return {
      figures: loads.flatMap((load) => toFigures(load, rounds.get(load) ?? [])),
      details: { flags, rounds: [...rounds] },
      notes: ['The fullest process is the bottleneck, unless all of them together fill the cores.'],
    };
  },
});

/**
 * @param {Stage} stage
 * @param {Load} load
 */
async function measure(stage, { kind, way }) {
  const server = await stage.brokerServer(kind, { isPinned: false });
  const broker = { kind, url: server.url, retention };
  const { bytes: eventBytes, batch, flight: inFlight, window } = flags;
  const publisher = await stage.worker({
    program: 'flood',
    settings: { broker, eventBytes, batch, inFlight, window },
  });
  const { last, pids } = await consume(stage, way, broker);
  last.onNews = (news) => publisher.tell('consumed', news);
  await publisher.ask('start');
  await sleep(warmUpMs);
  const before = await last.ask('count');
  const cpu = watchCpu({ publisher: publisher.pid, [brokerKind(kind).label]: server.pid, ...pids });
  await sleep(flags.seconds * 1_000);
  const { count } = await last.ask('count');
  const { wallMs, cpuMs } = cpu();
  await publisher.ask('stop');
  stage.end();
  const events = count - before.count;
  requireTrue(events > 0, `nothing came to ${way}`);
  const shares = Object.entries(cpuMs).map(([name, ms]) => ({ name, share: ms / wallMs }));
  return { events, eventsPerSecond: (events * 1_000) / wallMs, wallMs, cpuMs, shares };
}

/**
 * @param {Stage} stage
 * @param {string} way
 * @param {{ kind: string }} broker
 * @returns {Promise<{ last: Worker, pids: Record<string, number> }>} who counts, and all who consume
 */
async function consume(stage, way, broker) {
  if (way === 'reader') {
    const consumer = await stage.worker({ program: 'consumer', settings: { broker } });
    return { last: consumer, pids: { consumer: consumer.pid } };
  }
  // what is on its way may as well wait in front of the client
  const outboxBytes = 10 * flags.window * flags.bytes;
  const limits = { outboxHighWaterBytes: outboxBytes, outboxHardBytes: 2 * outboxBytes };
  const server = await stage.server({ broker, limits, isPinned: false });
  const client = await stage.clients({
    urls: [server.ready.url],
    order: 'same',
    clients: 1,
    rooms: 1,
    resumes: way === 'resumable',
    tellsCount: true,
    isPinned: false,
  });
  return { last: client, pids: { consumer: server.pid, client: client.pid } };
}

/**
 * @param {Load} load
 * @param {readonly Awaited<ReturnType<typeof measure>>[]} rounds
 */
function toFigures({ kind, way }, rounds) {
  const label = `${brokerKind(kind).label}, ${labels[way] ?? way}`;
  const rate = median(rounds.map(({ eventsPerSecond }) => eventsPerSecond));
  const names = Object.keys(rounds[0]?.cpuMs ?? {});
  /** @param {string} name */
  const medianShare = (name) =>
    median(rounds.map(({ cpuMs, wallMs }) => ((cpuMs[name] ?? 0) * 100) / wallMs));
  const costUs = median(
    rounds.map(({ cpuMs, events }) => ((cpuMs['consumer'] ?? 0) * 1_000) / events),
  );
  return [
    way === 'resumable'
      ? beside(`${label}: events per second`, rate)
      : atLeast(`${label}: events per second`, { value: rate, least: 50_000 }),
    beside(`${label}: CPU of the consumer by event`, costUs, 'us'),
    ...names.map((name) => beside(`${label}: the ${name}'s use of a core`, medianShare(name), '%')),
  ];
}
