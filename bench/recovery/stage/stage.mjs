import { brokerKind } from '../../brokers/kinds.mjs';
import { cores } from '../../harness/cores.mjs';
import { Worker } from './worker.mjs';

/** What each message of these benchmarks is sent to, unless a script says otherwise. */
export const defaultRooms = 10;

/**
 * Not what is measured: with the defaults a crowd of newcomers larger than a tenth of the places is sent away and comes again later.
 */
export const roomyLimits = { connections: 100_000, unacknowledgedConnections: 100_000 };

/**
 * @typedef {object} ClientsSettings
 * @property {string} [name]
 * @property {boolean} [isPinned]
 * @property {readonly string[]} urls
 * @property {'same' | 'spread'} order whether all begin with the first of the URLs; each goes to the next one at its next attempt
 * @property {number} clients
 * @property {number} rooms
 * @property {boolean} [resumes] true unless given
 * @property {boolean} [tellsCount] whether it says without being asked how many events came
 */

/** Owns every process of a measure, so that none outlives it. */
export class Stage {
  /** @type {Set<{ killNow(): void }>} */
  #owned = new Set();

  /** @param {{ isPinned?: boolean }} [place] to the server's core, unless told otherwise */
  redis({ isPinned = true } = {}) {
    return this.brokerServer('redis', { isPinned });
  }

  /**
   * The server of a broker.
   *
   * @param {string} kind of {@link brokerKind}
   * @param {{ isPinned?: boolean }} [place] to the server's core, unless told otherwise
   */
  brokerServer(kind, { isPinned = true } = {}) {
    return brokerKind(kind).start(isPinned ? cores.server : undefined, this.#adopt);
  }

  /**
   * Millrace.
   *
   * @param {{ name?: string, isPinned?: boolean, broker: object, limits?: object, drainWindowMs?: number }} settings
   */
  server({ name = 'server', isPinned = true, ...settings }) {
    const limits = { ...roomyLimits, ...settings.limits };
    return this.worker({
      program: 'server',
      name,
      ...(isPinned && { core: cores.server }),
      settings: { ...settings, limits },
    });
  }

  /**
   * Clients of Millrace, in one process.
   *
   * @param {ClientsSettings} settings
   */
  clients({ name = 'clients', isPinned = true, ...settings }) {
    const core = isPinned && { core: cores.generator };
    return this.worker({ program: 'clients', name, ...core, settings });
  }

  /**
   * Publishes through Redis, apart from all servers.
   *
   * @param {{ url: string }} redis
   */
  publisher({ url }) {
    return this.worker({ program: 'publisher', core: cores.server, settings: { url } });
  }

  /** @param {import('./worker.mjs').WorkerOptions} options */
  worker(options) {
    return Worker.start(options, this.#adopt);
  }

  /** @returns {void} */
  end() {
    for (const each of this.#owned) each.killNow();
    this.#owned.clear();
  }

  #adopt = (/** @type {{ killNow(): void }} */ owned) => {
    this.#owned.add(owned);
  };
}
