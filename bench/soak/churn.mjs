import { churningClients } from './churning-clients.mjs';

/**
 * What the clients that come and go have seen.
 *
 * @typedef {object} ChurnReport
 * @property {number} clients
 * @property {number} events
 * @property {string[]} faults the first few, in words
 */

const reportedFaults = 20;

/** Keeps `size` clients coming and going, of every kind in turn, until it is stopped. */
export class Churn {
  #clients = 0;
  #events = 0;
  /** @type {string[]} */
  #faults = [];
  #stopped = false;
  #places;

  /**
   * @param {number} port
   * @param {number} size
   */
  constructor(port, size) {
    this.#places = Array.from({ length: size }, () => this.#occupy(port));
  }

  /**
   * Resolves once the last client has left.
   *
   * @returns {Promise<ChurnReport>}
   */
  async stop() {
    this.#stopped = true;
    await Promise.all(this.#places);
    return this.report();
  }

  /** @returns {ChurnReport} */
  report() {
    return { clients: this.#clients, events: this.#events, faults: this.#faults };
  }

  /**
   * One place, taken by one client after the other.
   *
   * @param {number} port
   * @returns {Promise<void>}
   */
  async #occupy(port) {
    while (!this.#stopped) {
      const kind = churningClients[this.#clients % churningClients.length];
      this.#clients += 1;
      try {
        const events = (await kind?.(port)) ?? 0;
        this.#events += events; // others have added theirs meanwhile
      } catch (error) {
        if (this.#faults.length < reportedFaults)
          this.#faults.push(`${kind?.name}: ${String(error)}`);
        await new Promise((resolve) => setTimeout(resolve, 1_000));
      }
    }
  }
}
