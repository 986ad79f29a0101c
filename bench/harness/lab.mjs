import { Clients } from './clients.mjs';
import { assertTwoCores } from './cores.mjs';
import { claimMachine } from './exclusive.mjs';
import { buildNative } from './native.mjs';
import { ServerProcess } from './server-process.mjs';

/**
 * Makes the machine ready for measures, once no other benchmark uses it.
 *
 * @returns {Promise<Lab>}
 */
export async function openLab() {
  assertTwoCores();
  const release = await claimMachine();
  await buildNative();
  return new Lab(release);
}

/** Owns every process of a benchmark, so that none outlives it. */
class Lab {
  /** @type {Set<ServerProcess>} */
  #servers = new Set();
  /** @type {Set<Clients>} */
  #clients = new Set();

  #release;

  /** @param {() => void} release lets another benchmark begin */
  constructor(release) {
    this.#release = release;
    process.once('exit', () => {
      for (const child of [...this.#clients, ...this.#servers]) child.killNow();
    });
    for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM'])) {
      process.once(signal, () => process.exit(1));
    }
  }

  /**
   * @param {import('./candidates.mjs').CandidateName} name
   * @param {import('./server-process.mjs').ServerProcessOptions} [options]
   * @returns {Promise<ServerProcess>}
   */
  async start(name, options) {
    const server = await ServerProcess.start(name, options);
    this.#servers.add(server);
    return server;
  }

  /**
   * Connects clients and subscribes them all. They are ended with the lab, unless they are closed before.
   *
   * @param {ServerProcess} server
   * @param {import('./clients.mjs').ClientsOptions} options
   * @returns {Promise<Clients>}
   */
  async connect(server, options) {
    const clients = await Clients.connect(server, options);
    this.#clients.add(clients);
    return clients;
  }

  /** @returns {Promise<void>} */
  async close() {
    for (const clients of this.#clients) await clients.close();
    for (const server of this.#servers) await server.stop();
    this.#clients.clear();
    this.#servers.clear();
    this.#release();
  }
}
