/**
 * The connections of 10,000 clients are reset at once; their server stays.
 *
 *     node bench/recovery/cut.mjs [--short] [--clients 10000] [--others 100] [--rooms 10] [--rate 20] [--brokers memory,redis]
 *
 * Others, whose connections are not cut, are in the same rooms: what they get meanwhile, and how late, shows whether coming back is at their cost.
 */
import { setTimeout as sleep } from 'node:timers/promises';

import { readFlags } from '../harness/flags.mjs';
import { watchCpu } from './stage/cpu.mjs';
import { atMost, beside, toSeconds } from './stage/figures.mjs';
import { requireTrue } from './stage/require-true.mjs';
import { runRecovery } from './stage/run-recovery.mjs';
import { defaultRooms } from './stage/stage.mjs';

/** @typedef {import('./stage/stage.mjs').Stage} Stage */

const flags = readFlags(
  { clients: 10_000, others: 100, rooms: defaultRooms, rate: 20, brokers: ['memory'] },
  { clients: 2_000 },
);
const patienceMs = 60_000;
const steadyMs = 5_000;

await runRecovery('cut', {
  timeoutMs: 240_000 * flags.brokers.length,
  measure: async (stage) => {
    const measured = [];
    for (const kind of flags.brokers) measured.push(await measureWith(stage, kind));
    return {
      figures: measured.flatMap(({ figures }) => figures),
      notes: measured.flatMap(({ account }) => account.failures),
      details: { flags, measured },
    };
  },
});

/**
 * @param {Stage} stage
 * @param {string} kind
 */
async function measureWith(stage, kind) {
  const { server, publisher } = await serve(stage, kind);
  const order = /** @type {const} */ ('same');
  const settings = { urls: [server.ready.url], order, rooms: flags.rooms };
  const clients = await stage.clients({ ...settings, clients: flags.clients });
  const others = await stage.clients({ ...settings, name: 'others', clients: flags.others });
  await publisher.ask('start', { rooms: flags.rooms, rate: flags.rate, stamp: 'due' });
  for (const pool of [clients, others]) {
    requireTrue(await pool.ask('untilEverybody', { timeoutMs: patienceMs }), 'nobody has events');
  }
  await others.ask('latencies');
  await sleep(steadyMs);
  const latencyBefore = await others.ask('latencies');
  const before = await server.ask('stats');

  const cpu = watchCpu({ server: server.pid, clients: clients.pid });
  const cut = await clients.ask('cut');
  const resumed = await clients.ask('untilResumed', { since: cut.at, timeoutMs: patienceMs });
  const spent = cpu();
  const latencyMeanwhile = await others.ask('latencies');
  const after = await server.ask('stats');

  await sleep(steadyMs);
  const { heads } = await publisher.ask('stop');
  const account = await clients.ask('account', { heads, timeoutMs: patienceMs });
  const accountOfOthers = await others.ask('account', { heads, timeoutMs: patienceMs });
  for (const each of new Set([clients, others, publisher, server])) await each.leave();
  requireTrue(cut.sockets === flags.clients, `${cut.sockets} connections were cut`);
  requireTrue(accountOfOthers.losses === 0, 'those who were not to be cut lost their connections');
  const measured = { cut, resumed, spent, before, after, latencyBefore, latencyMeanwhile, account };
  return { ...measured, accountOfOthers, figures: toFigures({ ...measured, kind }) };
}

/**
 * @param {Stage} stage
 * @param {string} kind
 */
async function serve(stage, kind) {
  if (kind === 'memory') {
    const server = await stage.server({ broker: { kind } });
    return { server, publisher: server };
  }
  const redis = await stage.redis();
  const server = await stage.server({ broker: { kind, url: redis.url } });
  return { server, publisher: await stage.publisher(redis) };
}

/** @param {any} measured */
function toFigures({
  kind,
  resumed,
  spent,
  before,
  after,
  latencyBefore,
  latencyMeanwhile,
  account,
}) {
  const { recovered, back } = resumed;
  return [
    beside(`clients that were cut (${kind} broker)`, flags.clients),
    beside('of these back', back),
    atMost('resolver calls for events of before', { value: after.again - before.again, most: 0 }),
    beside(
      'resolver calls for new events',
      after.calls - before.calls - after.again + before.again,
    ),
    atMost('clients that gave up', { value: account.gaveUp, most: 0 }),
    atMost('events lost', { value: account.lost, most: 0 }),
    beside('events that came twice', account.repeated),
    beside('reported gaps', account.gaps),
    beside('attempts to connect, by client', (resumed.attempts - flags.clients) / flags.clients),
    beside('95 % have resumed', toSeconds(recovered.p95), 's'),
    beside('all have resumed', toSeconds(recovered.max), 's'),
    beside('CPU of the server meanwhile', spent.cpuMs.server / 1_000, 's'),
    beside('CPU of the clients meanwhile', spent.cpuMs.clients / 1_000, 's'),
    beside('longest turn of the server meanwhile', after.maxDelayMs, 'ms'),
    beside('others, due to received: p50 before', latencyBefore.p50, 'ms'),
    beside('others, due to received: p50 meanwhile', latencyMeanwhile.p50, 'ms'),
    beside('others, due to received: p99 before', latencyBefore.p99, 'ms'),
    beside('others, due to received: p99 meanwhile', latencyMeanwhile.p99, 'ms'),
    beside('others, due to received: latest meanwhile', latencyMeanwhile.max, 'ms'),
  ];
}
