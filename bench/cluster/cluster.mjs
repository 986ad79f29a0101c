import { availableParallelism } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';

import { brokerKind } from '../brokers/kinds.mjs';
import { cores } from '../harness/cores.mjs';
import { requireTrue } from '../recovery/stage/require-true.mjs';

/** @typedef {import('../harness/run-bench.mjs').Lab} Lab */
/** @typedef {import('../harness/server-process.mjs').ServerProcess} ServerProcess */
/** @typedef {import('../harness/clients.mjs').Clients} Clients */

/** Servers of which no two publish the same number begin so far behind each other. */
const seqsOfOne = 1_000_000;
const sourceAddresses = 8;
const patienceMs = 30_000;
const lookMs = 10;

/** Some processes over one Redis, each with clients of its own. */
export class Cluster {
  /** Whether each server and each generator has a core for itself. */
  static hasCoresFor(/** @type {number} */ processes) {
    return availableParallelism() > 2 * processes;
  }

  /**
   * @param {Lab} lab
   * @param {number} processes
   * @returns {Promise<Cluster>}
   */
  static async start(lab, processes) {
    const redis = await brokerKind('redis').start(undefined, (owned) => {
      process.once('exit', () => owned.killNow());
    });
    const servers = [];
    for (let i = 0; i < processes; i += 1) {
      const environment = {
        BENCH_REDIS_URL: redis.url,
        BENCH_FIRST_SEQ: String((i + 1) * seqsOfOne),
      };
      const core = Cluster.hasCoresFor(processes) ? i : cores.server;
      servers.push(await lab.start('millrace-redis', { core, environment }));
    }
    return new Cluster(lab, redis, servers);
  }

  /**
   * Use {@link Cluster.start}.
   *
   * @param {Lab} lab
   * @param {import('../brokers/broker-process.mjs').BrokerProcess} redis
   * @param {readonly ServerProcess[]} servers
   */
  constructor(lab, redis, servers) {
    this.#lab = lab;
    this.redis = redis;
    this.servers = servers;
  }

  #lab;
  /** @type {readonly Clients[]} one for each server */
  clients = [];

  /**
   * Subscribes so many clients of each server; whoever was there before has to be gone.
   *
   * @param {{ clients: number, rooms?: number }} options
   * @returns {Promise<void>}
   */
  async connect(options) {
    /** @type {Clients[]} */
    const clients = [];
    // one after the other: each publishes once when all of its own are there, with greater numbers than the one before
    for (const [i, server] of this.servers.entries()) {
      const core = Cluster.hasCoresFor(this.servers.length)
        ? this.servers.length + i
        : cores.generator;
      clients.push(
        await this.#lab.connect(server, { ...options, core, sourceAddresses, allowClose: true }),
      );
    }
    this.clients = clients;
  }

  /** The one whose events have the greatest numbers: only it publishes when all are connected. */
  get publisher() {
    const server = this.servers.at(-1);
    const clients = this.clients.at(-1);
    if (server === undefined || clients === undefined) throw new Error('nobody is connected');
    return { server, clients };
  }

  /** Of all clients together. */
  async count() {
    /** @type {import('../harness/clients.mjs').Count[]} */
    const counts = [];
    for (const clients of this.clients) counts.push(await clients.count());
    /** @param {(count: import('../harness/clients.mjs').Count) => number} of */
    const sum = (of) => counts.reduce((total, count) => total + of(count), 0);
    return {
      messages: sum(({ messages }) => messages),
      gaps: sum(({ gaps }) => gaps),
      closed: sum(({ closed }) => closed),
    };
  }

  /**
   * Resolves once the clients of all processes have as many events as those of the last one.
   *
   * @remarks
   * Those of each process had the first event of every process that was connected after it, besides their own.
   * @returns {Promise<void>}
   */
  async untilLevel() {
    const giveUpAt = performance.now() + patienceMs;
    for (;;) {
      const levels = [];
      for (const [i, clients] of this.clients.entries()) {
        const { least, most } = await clients.count();
        const firstEvents = this.clients.length - i;
        levels.push(least - firstEvents, most - firstEvents);
      }
      if (new Set(levels).size === 1) return;
      requireTrue(performance.now() < giveUpAt, `events are missing: ${levels.join(', ')}`);
      await sleep(lookMs);
    }
  }

  /** @returns {Promise<void>} */
  async disconnect() {
    for (const clients of this.clients) await clients.close();
    this.clients = [];
  }

  /** @returns {Promise<void>} */
  async stop() {
    await this.disconnect();
    for (const server of this.servers) await server.stop();
    this.redis.killNow();
  }
}
