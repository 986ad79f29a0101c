/**
 * Three processes are replaced one after the other, as a deployment does: a new one is started, an old one gets SIGTERM.
 *
 *     node bench/recovery/rolling-drain.mjs [--short] [--clients 2000] [--processes 3] [--rooms 10] [--rate 50] [--window 10]
 *
 * Clients go to whoever is not draining, as a balancer would send them. `window` is over how many seconds a process lets its clients go.
 */
import { setTimeout as sleep } from 'node:timers/promises';

import { readFlags } from '../harness/flags.mjs';
import { watchCpu } from './stage/cpu.mjs';
import { atMost, beside } from './stage/figures.mjs';
import { requireTrue } from './stage/require-true.mjs';
import { runRecovery } from './stage/run-recovery.mjs';
import { defaultRooms } from './stage/stage.mjs';

const flags = readFlags(
  { clients: 2_000, processes: 3, rooms: defaultRooms, rate: 50, window: 10 },
  { clients: 1_000, window: 3 },
);
const patienceMs = 60_000;
const steadyMs = 3_000;

await runRecovery('rolling-drain', {
  timeoutMs: 120_000 + flags.processes * (flags.window + 10) * 1_000,
  measure: async (stage) => {
    const redis = await stage.redis();
    let started = 0;
    const startServer = () => {
      started += 1;
      return stage.server({
        name: `server ${started}`,
        broker: { kind: 'redis', url: redis.url },
        drainWindowMs: flags.window * 1_000,
      });
    };
    const servers = [];
    for (let i = 0; i < flags.processes; i += 1) servers.push(await startServer());
    const clients = await stage.clients({
      urls: servers.map(({ ready }) => ready.url),
      order: 'spread',
      clients: flags.clients,
      rooms: flags.rooms,
    });
    const publisher = await stage.publisher(redis);
    await publisher.ask('start', { rooms: flags.rooms, rate: flags.rate, stamp: 'due' });
    requireTrue(
      await clients.ask('untilEverybody', { timeoutMs: patienceMs }),
      'nobody has events',
    );
    await sleep(steadyMs);
    await clients.ask('latencies');

    const cpu = watchCpu({ clients: clients.pid, redis: redis.pid });
    const drainsMs = [];
    for (let i = 0; i < flags.processes; i += 1) {
      servers.push(await startServer());
      const old = servers.shift();
      await clients.ask('use', { urls: servers.map(({ ready }) => ready.url) });
      const beganAt = performance.now();
      await old?.end('SIGTERM');
      drainsMs.push(performance.now() - beganAt);
    }
    const spent = cpu();
    await sleep(steadyMs);
    const latency = await clients.ask('latencies');
    const { heads } = await publisher.ask('stop');
    const account = await clients.ask('account', { heads, timeoutMs: patienceMs });
    const stats = await Promise.all(servers.map((server) => server.ask('stats')));
    return {
      figures: toFigures({ drainsMs, spent, latency, account }),
      notes: account.failures,
      details: { flags, drainsMs, spent, latency, account, stats },
    };
  },
});

/** @param {any} measured */
function toFigures({ drainsMs, spent, latency, account }) {
  return [
    beside('clients', flags.clients),
    beside('processes that were replaced', flags.processes),
    beside('connections that were closed for it', account.losses),
    atMost('longest time without an event, of any client', {
      value: account.silenceMs / 1_000,
      unit: 's',
      most: 2,
    }),
    beside('usual time between two events of a client', flags.rooms / flags.rate, 's'),
    atMost('events lost', { value: account.lost, most: 0 }),
    beside('events that came twice', account.repeated),
    beside('reported gaps', account.gaps),
    atMost('clients that gave up', { value: account.gaveUp, most: 0 }),
    beside('due to received: p50', latency.p50, 'ms'),
    beside('due to received: p99', latency.p99, 'ms'),
    beside('due to received: latest', latency.max, 'ms'),
    beside('longest end of a process', Math.max(...drainsMs) / 1_000, 's'),
    beside('CPU of the clients', spent.cpuMs.clients / 1_000, 's'),
    beside('wall clock', spent.wallMs / 1_000, 's'),
  ];
}
