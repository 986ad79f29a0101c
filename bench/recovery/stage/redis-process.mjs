import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { pinned } from '../../harness/cores.mjs';

const patienceMs = 10_000;

/** A `redis-server` of a benchmark's own: nobody else is disturbed, and nothing is left behind. */
export class RedisProcess {
  #process;
  #directory;

  /**
   * @param {number | undefined} core the only one it may use
   * @param {(redis: RedisProcess) => void} adopt whoever ends it if this program fails
   * @returns {Promise<RedisProcess>} once it answers
   */
  static async start(core, adopt) {
    const redis = new RedisProcess(await freePort(), core);
    adopt(redis);
    await redis.#answers();
    return redis;
  }

  /**
   * Use {@link RedisProcess.start}.
   *
   * @param {number} port
   * @param {number | undefined} core
   */
  constructor(port, core) {
    this.port = port;
    this.#directory = mkdtempSync(path.join(tmpdir(), 'millrace-bench-redis-'));
    const settings = { port, bind: '127.0.0.1', dir: this.#directory, save: '', appendonly: 'no' };
    const words = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]);
    const command = ['redis-server', ...words];
    const [file, rest] = core === undefined ? [command[0] ?? '', words] : pinned(core, command);
    this.#process = spawn(file, rest, { stdio: 'ignore' });
    this.#process.on('error', () => {}); // it shows by not answering
  }

  /** @returns {string} */
  get url() {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** @returns {number} */
  get pid() {
    if (this.#process.pid === undefined) throw new Error('redis-server did not start');
    return this.#process.pid;
  }

  /** The last resort, where nothing can be awaited any more. @returns {void} */
  killNow() {
    this.#process.kill('SIGKILL');
    rmSync(this.#directory, { recursive: true, force: true });
  }

  async #answers() {
    const giveUpAt = performance.now() + patienceMs;
    while (!(await accepts(this.port))) {
      if (performance.now() > giveUpAt)
        throw new Error('redis-server does not answer; is it installed?');
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
