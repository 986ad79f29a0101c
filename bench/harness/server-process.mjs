import { once } from 'node:events';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';

import { candidates } from './candidates.mjs';
import { Child } from './child.mjs';
import { assertPinned, cores, pinned } from './cores.mjs';

/**
 * @typedef {object} ServerStats
 * @property {number} cpuUs user and system time of all threads
 * @property {number} userUs
 * @property {number} systemUs
 * @property {number} rssBytes
 * @property {number | null} heapUsedBytes
 * @property {number | null} connections
 * @property {number} seq of the last event
 * @property {number | null} maxDelayMs of the event loop, since the last stats
 * @property {number | null} executions
 */

/** @typedef {{ port: number, control: number, pid: number, transport: string }} Announcement */

/**
 * @typedef {object} ServerProcessOptions
 * @property {number} [core] the server's unless given
 * @property {Readonly<Record<string, string>>} [environment] variables besides those of this process
 */

/** A candidate, pinned to its core, and the harness' own control connection to it. */
export class ServerProcess {
  #child;
  #control;
  /** @type {((line: string) => void)[]} */
  #waiting = [];

  /**
   * @param {import('./candidates.mjs').CandidateName} name
   * @param {ServerProcessOptions} [options]
   * @returns {Promise<ServerProcess>}
   */
  static async start(name, { core = cores.server, environment = {} } = {}) {
    const variables = Object.entries(environment).map(([key, value]) => `${key}=${value}`);
    const child = new Child(name, pinned(core, ['env', ...variables, ...candidates[name].command]));
    const line = await child.nextLine();
    /** @type {Announcement} */
    const announcement = JSON.parse(line); // every candidate prints it first
    await assertPinned(announcement.pid, core);
    const control = connect({ port: announcement.control, host: '127.0.0.1', noDelay: true });
    await once(control, 'connect');
    return new ServerProcess(name, child, announcement, control);
  }

  /**
   * Use {@link ServerProcess.start}.
   *
   * @param {import('./candidates.mjs').CandidateName} name
   * @param {Child} child
   * @param {Announcement} announcement
   * @param {import('node:net').Socket} control
   */
  constructor(name, child, announcement, control) {
    this.name = name;
    this.#child = child;
    this.announcement = announcement;
    this.#control = control;
    createInterface({ input: control }).on('line', (answer) => this.#waiting.shift()?.(answer));
    control.on('error', () => {}); // a server that is gone shows by its exit
  }

  /** @returns {Promise<ServerStats>} */
  stats() {
    return this.#ask('stats');
  }

  /**
   * As `stats`, after two garbage collections.
   *
   * @returns {Promise<ServerStats>}
   */
  gc() {
    return this.#ask('gc');
  }

  /**
   * @param {string} room
   * @param {number} count how many events at once
   * @param {number} textBytes
   * @returns {void}
   */
  publish(room, count, textBytes) {
    this.#control.write(`publish ${room} ${count} ${textBytes}\n`);
  }

  /**
   * One event in each of the rooms `r0` and following.
   *
   * @param {number} rooms
   * @param {number} textBytes
   * @returns {void}
   */
  publishEach(rooms, textBytes) {
    this.#control.write(`publish-each ${rooms} ${textBytes}\n`);
  }

  /** @returns {Promise<void>} */
  async stop() {
    this.#control.destroy();
    await this.#child.kill();
  }

  /** @returns {void} */
  killNow() {
    this.#child.killNow();
  }

  /**
   * @param {string} command
   * @returns {Promise<ServerStats>}
   */
  #ask(command) {
    return new Promise((resolve) => {
      this.#waiting.push((answer) => resolve(JSON.parse(answer)));
      this.#control.write(`${command}\n`);
    });
  }
}
