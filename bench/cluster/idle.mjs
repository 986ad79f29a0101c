import { setTimeout as sleep } from 'node:timers/promises';

import { defaultTextBytes, formatTable } from '../harness/index.mjs';
import { readRssBytes } from '../harness/resident-memory.mjs';
import { untilConnections } from '../harness/until-connections.mjs';
import { atMost, beside } from '../recovery/stage/figures.mjs';
import { Cluster } from './cluster.mjs';

/** @typedef {import('../harness/run-bench.mjs').Lab} Lab */
/** @typedef {import('../harness/server-process.mjs').ServerProcess} ServerProcess */

const warmUpClients = 500;
/** What a connection leaves to timers and to the next turns has been done by then. */
const settleMs = 1_000;
const samples = 10;
const patienceMs = 60_000;
const mebibyte = 2 ** 20;

/**
 * @param {Lab} lab
 * @param {{ processes: number, clients: number, rooms: number, minutes: number }} flags
 */
export async function measureIdle(lab, { processes, clients, rooms, minutes }) {
  const cluster = await Cluster.start(lab, processes);
  // so that code which is compiled once is not taken for a connection's
  await cluster.connect({ clients: warmUpClients, rooms });
  await cluster.disconnect();
  for (const server of cluster.servers) await untilConnections(server, 0);
  await sleep(settleMs);
  const before = await collect(cluster);
  const beganAt = performance.now();
  await cluster.connect({ clients, rooms });
  const connectedMs = performance.now() - beganAt;
  await sleep(settleMs);
  const after = await collect(cluster);
  const timeline = await watch(cluster, minutes);
  const last = await collect(cluster);
  const reached = await reachEverybody(cluster, rooms, processes * clients);
  await cluster.stop();
  return {
    figures: toFigures({ processes, clients, minutes, before, after, last, reached, connectedMs }),
    details: { before, after, last, timeline, reached, connectedMs },
  };
}

/** @param {Cluster} cluster */
async function collect(cluster) {
  const servers = [];
  for (const server of cluster.servers) servers.push(await server.gc());
  return { servers, redisRssBytes: readRssBytes(cluster.redis.pid) };
}

/**
 * Prints a line now and then: the kernel is asked for memory, so that looking costs the processes nothing.
 *
 * @param {Cluster} cluster
 * @param {number} minutes
 */
async function watch(cluster, minutes) {
  const timeline = [];
  for (let i = 1; i <= samples; i += 1) {
    await sleep((minutes * 60_000) / samples);
    const rssBytes = cluster.servers.map(({ announcement }) => readRssBytes(announcement.pid));
    const connections = [];
    for (const server of cluster.servers) connections.push((await server.stats()).connections ?? 0);
    timeline.push({ minute: (i * minutes) / samples, rssBytes, connections });
  }
  console.log(
    formatTable(
      ['minute', ...cluster.servers.map((_, i) => `RSS of ${i + 1} MiB`), 'connections'],
      timeline.map(({ minute, rssBytes, connections }) => [
        minute.toFixed(2),
        ...rssBytes.map((bytes) => (bytes / mebibyte).toFixed(0)),
        String(connections.reduce((sum, each) => sum + each, 0)),
      ]),
    ),
  );
  return timeline;
}

/**
 * Publishes an event in every room, through one process, until everybody has it.
 *
 * @param {Cluster} cluster
 * @param {number} rooms
 * @param {number} everybody
 */
async function reachEverybody(cluster, rooms, everybody) {
  const before = await cluster.count();
  const beganAt = performance.now();
  cluster.publisher.server.publishEach(rooms, defaultTextBytes);
  let now = before;
  while (now.messages - before.messages < everybody && performance.now() - beganAt < patienceMs) {
    await sleep(100);
    now = await cluster.count();
  }
  return { messages: now.messages - before.messages, closed: now.closed };
}

/** @param {{ servers: readonly import('../harness/server-process.mjs').ServerStats[] }} stats */
function total({ servers }) {
  return servers.reduce((sum, { rssBytes }) => sum + rssBytes, 0);
}

/** @param {any} measured */
function toFigures({ processes, clients, minutes, before, after, last, reached, connectedMs }) {
  const everybody = processes * clients;
  const perSubscription = (/** @type {number} */ bytes) => bytes / 1_024 / everybody;
  return [
    beside('processes', processes),
    beside('subscriptions, with a socket each', everybody),
    beside('subscribing all of them', connectedMs / 1_000, 's'),
    beside('RSS of a process without clients', total(before) / processes / mebibyte, 'MiB'),
    beside('RSS of a process with its clients', total(after) / processes / mebibyte, 'MiB'),
    beside('RSS of all processes', total(after) / mebibyte, 'MiB'),
    beside('RSS by subscription', perSubscription(total(after) - total(before)), 'KiB'),
    beside(
      `RSS by subscription after ${minutes} minutes`,
      perSubscription(total(last) - total(before)),
      'KiB',
    ),
    beside('RSS of Redis', last.redisRssBytes / mebibyte, 'MiB'),
    atMost('connections that ended', { value: reached.closed, most: 0 }),
    atMost('subscriptions without the event at the end', {
      value: everybody - reached.messages,
      most: 0,
    }),
  ];
}
