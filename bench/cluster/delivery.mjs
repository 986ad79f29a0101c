import { alternate } from '../harness/rounds.mjs';
import { median } from '../harness/statistics.mjs';
import { watchCpu } from '../recovery/stage/cpu.mjs';
import { atLeast, atMost, beside } from '../recovery/stage/figures.mjs';
import { requireTrue } from '../recovery/stage/require-true.mjs';
import { Cluster } from './cluster.mjs';

/** @typedef {import('../harness/run-bench.mjs').Lab} Lab */

const warmUpSeconds = 0.5;

/**
 * @param {Lab} lab
 * @param {{ several: number, listeners: number, windows: readonly string[], rounds: number, seconds: number }} flags
 */
export async function measureDelivery(lab, { several, listeners, windows, rounds, seconds }) {
  const sizes = [1, several];
  /** @type {Map<number, Cluster>} */
  const clusters = new Map();
  for (const size of sizes) {
    const cluster = await Cluster.start(lab, size);
    await cluster.connect({ clients: listeners });
    clusters.set(size, cluster);
  }
  const figures = [];
  const details = [];
  for (const window of windows.map(Number)) {
    const results = await alternate(rounds, sizes, (size) => {
      const cluster = clusters.get(size);
      if (cluster === undefined) throw new Error(`there are no ${size} processes`);
      return measure(cluster, window, seconds);
    });
    figures.push(...toFigures(results, { several, listeners, window }));
    details.push({ window, results: Object.fromEntries(results) });
  }
  for (const cluster of clusters.values()) await cluster.stop();
  return { figures, details };
}

/**
 * Closed loop: the next `window` events when all clients of the publishing process have the last. It is over when everybody has them.
 *
 * @param {Cluster} cluster
 * @param {number} window
 * @param {number} seconds
 */
async function measure(cluster, window, seconds) {
  const { clients } = cluster.publisher;
  await clients.fanOut({ window, warmUpSeconds: 0, seconds: warmUpSeconds });
  await cluster.untilLevel();
  const before = await look(cluster);
  const cpuOfRedis = watchCpu({ redis: cluster.redis.pid });
  const beganAt = performance.now();
  await clients.fanOut({ window, warmUpSeconds: 0, seconds });
  await cluster.untilLevel();
  const wallMs = performance.now() - beganAt;
  const redisCpuUs = (cpuOfRedis().cpuMs['redis'] ?? 0) * 1_000;
  const after = await look(cluster);
  requireTrue(after.count.gaps === before.count.gaps, 'events were lost');
  const messages = after.count.messages - before.count.messages;
  return {
    messages,
    wallMs,
    messagesPerSecond: (messages * 1_000) / wallMs,
    cpuPerMessageUs: (after.cpuUs - before.cpuUs) / messages,
    redisCpuPerMessageUs: redisCpuUs / messages,
  };
}

/** @param {Cluster} cluster */
async function look(cluster) {
  let cpuUs = 0;
  for (const server of cluster.servers) cpuUs += (await server.stats()).cpuUs;
  return { cpuUs, count: await cluster.count() };
}

/**
 * @param {ReadonlyMap<number, readonly Awaited<ReturnType<typeof measure>>[]>} results
 * @param {{ several: number, listeners: number, window: number }} setting
 */
function toFigures(results, { several, listeners, window }) {
  /**
   * @param {number} size
   * @param {keyof Awaited<ReturnType<typeof measure>>} of
   */
  const medianOf = (size, of) => median((results.get(size) ?? []).map((result) => result[of]));
  const setting = `W = ${window}, ${listeners} clients a process`;
  const [one, more] = [1, several].map((size) => medianOf(size, 'cpuPerMessageUs'));
  const rates = [1, several].map((size) => medianOf(size, 'messagesPerSecond'));
  const ratio = (rates[1] ?? NaN) / (rates[0] ?? NaN);
  return [
    beside(`${setting}: CPU by delivery, one process`, one ?? NaN, 'us'),
    beside(`${setting}: CPU by delivery, ${several} processes`, more ?? NaN, 'us'),
    atMost(`${setting}: growth of that`, {
      value: ((more ?? NaN) / (one ?? NaN) - 1) * 100,
      unit: '%',
      most: 15,
    }),
    beside(
      `${setting}: CPU of Redis by delivery, one process`,
      medianOf(1, 'redisCpuPerMessageUs'),
      'us',
    ),
    beside(
      `${setting}: CPU of Redis by delivery, ${several} processes`,
      medianOf(several, 'redisCpuPerMessageUs'),
      'us',
    ),
    beside(`${setting}: deliveries per second, one process`, rates[0] ?? NaN),
    beside(`${setting}: deliveries per second, ${several} processes`, rates[1] ?? NaN),
    Cluster.hasCoresFor(several)
      ? atLeast(`${setting}: rate of ${several} by that of one`, { value: ratio, least: 2.5 })
      : beside(`${setting}: rate of ${several} by that of one, all on one core`, ratio),
  ];
}
