import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { pinned } from '../harness/cores.mjs';

const patienceMs = 10_000;

/**
 * How a server is started.
 *
 * @typedef {object} BrokerProgram
 * @property {string} file
 * @property {(place: { port: number, directory: string }) => readonly string[]} words what it is started with; may prepare the directory
 * @property {(port: number) => string} urlOf
 * @property {{ uid: number, gid: number } | undefined} [user] if not the one of the benchmark
 * @property {NodeJS.Signals} [killSignal] ends it at once; `SIGKILL` if absent
 */

/** A server of a benchmark's own: nobody else is disturbed, and nothing is left behind. */
export class BrokerProcess {
  #process;
  #directory;
  #program;

  /**
   * @param {BrokerProgram} program
   * @param {number | undefined} core the only one it may use
   * @param {(server: BrokerProcess) => void} adopt whoever ends it if this program fails
   * @returns {Promise<BrokerProcess>} once it answers
   */
  static async start(program, core, adopt) {
    const server = new BrokerProcess(program, await freePort(), core);
    adopt(server);
    await server.#answers();
    return server;
  }

  /**
   * Use {@link BrokerProcess.start}.
   *
   * @param {BrokerProgram} program
   * @param {number} port
   * @param {number | undefined} core
   */
  constructor(program, port, core) {
    this.port = port;
    this.#program = program;
    this.#directory = mkdtempSync(path.join(tmpdir(), 'millrace-bench-broker-'));
    const words = program.words({ port, directory: this.#directory });
    const [file, rest] =
      core === undefined ? [program.file, words] : pinned(core, [program.file, ...words]);
    this.#process = spawn(file, [...rest], { ...program.user, stdio: 'ignore' });
    this.#process.on('error', () => {}); // it shows by not answering
  }

  /** @returns {string} */
  get url() {
    return this.#program.urlOf(this.port);
  }

  /** @returns {number} */
  get pid() {
    if (this.#process.pid === undefined) throw new Error(`${this.#program.file} did not start`);
    return this.#process.pid;
  }

  /** The last resort, where nothing can be awaited any more. @returns {void} */
  killNow() {
    this.#process.kill(this.#program.killSignal ?? 'SIGKILL');
    rmSync(this.#directory, { recursive: true, force: true });
  }

  async #answers() {
    const giveUpAt = performance.now() + patienceMs;
    while (!(await accepts(this.port))) {
      if (performance.now() > giveUpAt)
        throw new Error(`${this.#program.file} does not answer; is it installed?`);
      await sleep(50);
    }
  }
}

/** @returns {Promise<number>} */
async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('there is no free port');
  return address.port;
}

/** @param {number} port */
async function accepts(port) {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
