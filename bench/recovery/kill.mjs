/**
 * A process with 5,000 clients is killed; another one serves the same events from the same Redis.
 *
 *     node bench/recovery/kill.mjs [--short] [--clients 5000] [--rooms 10] [--rate 20]
 *
 * Each client knows both addresses, and tries the next one at each attempt. Events go on all the time; the publisher is a process of its own.
 */
import { setTimeout as sleep } from 'node:timers/promises';

import { readFlags } from '../harness/flags.mjs';
import { nowMs } from './stage/clock.mjs';
import { watchCpu } from './stage/cpu.mjs';
import { atMost, beside, toSeconds } from './stage/figures.mjs';
import { runRecovery } from './stage/run-recovery.mjs';
import { requireTrue } from './stage/require-true.mjs';
import { defaultRooms } from './stage/stage.mjs';

const flags = readFlags({ clients: 5_000, rooms: defaultRooms, rate: 20 }, { clients: 1_000 });
const patienceMs = 60_000;
const steadyMs = 3_000;

await runRecovery('kill', {
  timeoutMs: 240_000,
  measure: async (stage) => {
    const redis = await stage.redis();
    const broker = { kind: 'redis', url: redis.url };
    const [doomed, other] = [
      await stage.server({ name: 'the server that is killed', broker }),
      await stage.server({ name: 'the other server', broker }),
    ];
    const clients = await stage.clients({
      urls: [doomed.ready.url, other.ready.url],
      order: 'same',
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
    const { connections } = await doomed.ask('stats');
    requireTrue(connections === flags.clients, `${connections} clients are on the first server`);

    const cpu = watchCpu({ other: other.pid, clients: clients.pid, redis: redis.pid });
    const since = nowMs();
    await doomed.end('SIGKILL');
    const resumed = await clients.ask('untilResumed', { since, timeoutMs: patienceMs });
    const spent = cpu();
    await sleep(steadyMs);
    const { heads } = await publisher.ask('stop');
    const account = await clients.ask('account', { heads, timeoutMs: patienceMs });
    return {
      figures: toFigures(resumed, account, spent),
      notes: account.failures,
      details: { flags, resumed, account, spent },
    };
  },
});

/**
 * @param {any} resumed
 * @param {any} account
 * @param {ReturnType<ReturnType<typeof watchCpu>>} spent
 */
function toFigures({ recovered, eventAgain, back }, account, { cpuMs, wallMs }) {
  return [
    beside('clients on the process that was killed', flags.clients),
    beside('of these back on the other one', back),
    atMost('95 % have resumed', { value: toSeconds(recovered.p95), unit: 's', most: 5 }),
    atMost('all have resumed', { value: toSeconds(recovered.max), unit: 's', most: 15 }),
    beside('95 % have an event again', toSeconds(eventAgain.p95), 's'),
    beside('all have an event again', toSeconds(eventAgain.max), 's'),
    atMost('events lost', { value: account.lost, most: 0 }),
    beside('events that came twice', account.repeated),
    beside('reported gaps', account.gaps),
    atMost('clients that gave up', { value: account.gaveUp, most: 0 }),
    beside('CPU of the other server meanwhile', (cpuMs['other'] ?? 0) / 1_000, 's'),
    beside('CPU of the clients meanwhile', (cpuMs['clients'] ?? 0) / 1_000, 's'),
    beside('CPU of Redis meanwhile', (cpuMs['redis'] ?? 0) / 1_000, 's'),
    beside('wall clock', wallMs / 1_000, 's'),
  ];
}
