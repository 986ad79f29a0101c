import { spawn } from 'node:child_process';
import { once } from 'node:events';
import process from 'node:process';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { pinned } from '../../harness/cores.mjs';

/**
 * @typedef {object} WorkerOptions
 * @property {string} program a file of `processes`, without its ending
 * @property {string} [name] for messages; that of the program unless given
 * @property {number} [core] the only one it may use
 * @property {object} [settings] for the program
 */

/** @typedef {{ resolve: (answer: any) => void, reject: (error: Error) => void }} Question */

/** A process of this benchmark that answers commands; it ends by itself when we do. */
export class Worker {
  #process;
  #name;
  /** @type {Map<number, Question>} */
  #questions = new Map();
  #asked = 0;
  #stderr = '';
  #exited;
  /** What the program said once it was ready. @type {any} */
  ready;
  /** Told what the program says without being asked. @type {(news: any) => void} */
  onNews = () => {};

  /**
   * @param {WorkerOptions} options
   * @param {(worker: Worker) => void} adopt whoever ends it if this program fails
   * @returns {Promise<Worker>} once it is ready
   */
  static async start(options, adopt) {
    const worker = new Worker(options);
    adopt(worker);
    worker.ready = await worker.#expect(0);
    return worker;
  }

  /**
   * Use {@link Worker.start}.
   *
   * @param {WorkerOptions} options
   */
  constructor({ program, name = program, core, settings = {} }) {
    const path = fileURLToPath(new URL(`../processes/${program}.mjs`, import.meta.url));
    const flags = (process.env['BENCH_NODE_FLAGS'] ?? '').split(' ').filter((flag) => flag !== '');
    const command = [process.execPath, ...flags, path, JSON.stringify(settings)];
    const [file, words] =
      core === undefined ? [process.execPath, command.slice(1)] : pinned(core, command);
    this.#name = name;
    this.#process = spawn(file, words, { stdio: ['ignore', 'inherit', 'pipe', 'ipc'] });
    this.#process.stderr?.setEncoding('utf8').on('data', (/** @type {string} */ text) => {
      this.#stderr = (this.#stderr + text).slice(-10_000);
    });
    this.#process.on('message', (message) => this.#receive(message));
    // its `close` does not come once it was left
    this.#exited = once(this.#process, 'exit')
      .then(() => nextTurn()) // for what it said last
      .then(
        () => this.#fail(this.#stderr.trim()),
        (/** @type {unknown} */ error) => this.#fail(String(error)),
      );
  }

  /** @returns {number} */
  get pid() {
    if (this.#process.pid === undefined) throw new Error(`${this.#name} did not start`);
    return this.#process.pid;
  }

  /**
   * @param {string} command
   * @param {object} [input]
   * @returns {Promise<any>} rejects if the program cannot answer, or has ended
   */
  ask(command, input = {}) {
    this.#asked += 1;
    const answer = this.#expect(this.#asked);
    this.tell(command, input, this.#asked);
    return answer;
  }

  /**
   * Sends a command whose answer nobody waits for.
   *
   * @param {string} command
   * @param {object} [input]
   * @param {number} [id]
   * @returns {void}
   */
  tell(command, input = {}, id) {
    if (this.#process.connected) this.#process.send({ id, command, input });
  }

  /**
   * Sends a signal, and waits for the end.
   *
   * @param {NodeJS.Signals} signal
   * @returns {Promise<void>}
   */
  async end(signal) {
    this.#process.kill(signal);
    await this.#exited;
  }

  /** Lets it end by itself. @returns {Promise<void>} */
  async leave() {
    if (this.#process.connected) this.#process.disconnect();
    await this.#exited;
  }

  /** The last resort, where nothing can be awaited any more. @returns {void} */
  killNow() {
    this.#process.kill('SIGKILL');
  }

  /**
   * @param {number} id
   * @returns {Promise<any>}
   */
  #expect(id) {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) {
      return Promise.reject(new Error(`${this.#name} has ended`));
    }
    return new Promise((resolve, reject) => this.#questions.set(id, { resolve, reject }));
  }

  /** @param {any} message */
  #receive({ id, answer, error, news }) {
    if (news !== undefined) return this.onNews(news);
    const question = this.#questions.get(id);
    this.#questions.delete(id);
    if (error === undefined) question?.resolve(answer);
    else question?.reject(new Error(`${this.#name}: ${error}`));
  }

  /** @param {string} reason */
  #fail(reason) {
    const error = new Error(`${this.#name} has ended${reason === '' ? '' : `: ${reason}`}`);
    for (const { reject } of this.#questions.values()) reject(error);
    this.#questions.clear();
  }
}
