import { Child } from './child.mjs';
import { assertPinned, cores, pinned } from './cores.mjs';
import { generatorPath } from './native.mjs';

/** The generator refused to measure: something was lost, repeated, reordered, closed or refused. */
export class MeasureError extends Error {
  /** @override */
  name = 'MeasureError';
}

/** The frame's payload has 269 bytes. */
export const defaultTextBytes = 68;

/**
 * @typedef {object} ClientsOptions
 * @property {number} clients
 * @property {number} [rooms] client i subscribes to room i modulo this; as many as clients is unicast; 1 unless given
 * @property {number} [textBytes] of the first event
 * @property {number} [stalled] how many never read again once they are subscribed
 * @property {number} [sourceAddresses] 127.0.0.2 and so many; needed above 28,000 clients
 * @property {number} [core] the generator's unless given
 * @property {number} [inFlight] handshakes at the same time; 200 unless given
 * @property {boolean} [shortIds] every operation has the id "1"
 * @property {boolean} [compressed] clients offer compression, and fail without it
 * @property {boolean} [allowClose] a connection that the server closes is counted instead of failing
 */

/**
 * What it cost until all were subscribed.
 *
 * @typedef {object} Ready
 * @property {number} clients
 * @property {number} wallMs
 * @property {number} serverCpuUs
 * @property {number} serverCpuPerConnectionUs
 * @property {number} generatorCpuUs
 * @property {number} rssBeforeBytes
 * @property {number} rssBytes
 * @property {number} frameBytes payload of the first event
 */

/**
 * @typedef {object} FanOutResult
 * @property {number} messages
 * @property {number} rounds
 * @property {number} window
 * @property {number} serverCpuUs
 * @property {number} serverCpuPerMessageUs
 * @property {number} wallMs
 * @property {number} messagesPerSecond
 * @property {number} generatorBusyUs
 * @property {number} generatorBusyPerMessageUs
 * @property {number} serverShare CPU time of the server by wall time; clearly less than 1 means that it had to wait for its core or for the generator
 * @property {number} generatorShare time in which the generator had something to do; less than 1 means that it was no bottleneck
 * @property {number} bytes
 * @property {number} frameBytes
 * @property {number} rssBytes
 */

/** @typedef {{ p50: number, p90: number, p99: number, p999: number, max: number }} Quantiles */

/**
 * @typedef {object} LatencyResult
 * @property {number} events
 * @property {number} messages
 * @property {number} lost
 * @property {number} rate
 * @property {number} wallMs
 * @property {number} serverCpuUs
 * @property {number} generatorBusyUs
 * @property {Quantiles} latencyMs from the instant at which the event was due
 * @property {Quantiles} publishLateMs how late the generator was with its commands; contained in the latencies
 */

/**
 * @typedef {object} Count
 * @property {number} messages
 * @property {number} least of all clients that read
 * @property {number} most
 * @property {number} gaps events that were missing between two others
 * @property {number} closed
 * @property {number} stalledAlive stalled clients whose connection the server has not ended
 * @property {number} bytes
 */

/** Clients of one server that stay connected between measures. */
export class Clients {
  #child;

  /**
   * @param {import('./server-process.mjs').ServerProcess} server
   * @param {ClientsOptions} options
   * @returns {Promise<Clients>}
   */
  static async connect(server, options) {
    const command = [generatorPath, '--mode', 'hold', ...toFlags(server, options)];
    const { core = cores.generator } = options;
    const child = new Child(`generator for ${server.name}`, pinned(core, command));
    const ready = await nextAnswer(child);
    await assertPinned(child.pid, core);
    return new Clients(child, ready);
  }

  /**
   * Use {@link Clients.connect}.
   *
   * @param {Child} child
   * @param {Ready} ready
   */
  constructor(child, ready) {
    this.#child = child;
    this.ready = ready;
  }

  /**
   * Closed loop: publishes `window` events at once, again as soon as all have come.
   *
   * @param {{ window: number, textBytes?: number, warmUpSeconds: number, seconds: number }} measure
   * @returns {Promise<FanOutResult>}
   */
  fanOut({ window, textBytes = defaultTextBytes, warmUpSeconds, seconds }) {
    return this.#ask(`fan-out ${window} ${textBytes} ${warmUpSeconds} ${seconds}`);
  }

  /**
   * Open loop: publishes at fixed instants whatever happens.
   *
   * @param {{ rate: number, textBytes?: number, seconds: number }} measure
   * @returns {Promise<LatencyResult>}
   */
  latency({ rate, textBytes = defaultTextBytes, seconds }) {
    return this.#ask(`latency ${rate} ${seconds} ${textBytes}`);
  }

  /** @returns {Promise<Count>} */
  count() {
    return this.#ask('count');
  }

  /** @returns {Promise<void>} */
  async close() {
    await this.#child.finish();
  }

  /** @returns {void} */
  killNow() {
    this.#child.killNow();
  }

  /** @param {string} command */
  #ask(command) {
    this.#child.writeLine(command);
    return nextAnswer(this.#child);
  }
}

/** @param {Child} child */
async function nextAnswer(child) {
  try {
    return JSON.parse(await child.nextLine());
  } catch (cause) {
    throw new MeasureError(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

/**
 * @param {import('./server-process.mjs').ServerProcess} server
 * @param {ClientsOptions} options
 * @returns {string[]}
 */
function toFlags({ announcement: { port, control, transport } }, options) {
  const flags = {
    port,
    control,
    transport,
    clients: options.clients,
    rooms: options.rooms,
    text: options.textBytes,
    stalled: options.stalled,
    'source-addresses': options.sourceAddresses,
    'in-flight': options.inFlight,
  };
  const words = Object.entries(flags).flatMap(([name, value]) =>
    value === undefined ? [] : [`--${name}`, String(value)],
  );
  if (options.shortIds) words.push('--short-ids');
  if (options.compressed) words.push('--compressed');
  if (options.allowClose) words.push('--allow-close');
  return words;
}
