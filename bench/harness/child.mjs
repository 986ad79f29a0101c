import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

/** A process that answers each request with one line of JSON on stdout. */
export class Child {
  #process;
  #name;
  /** @type {string[]} */
  #lines = [];
  /** @type {{ resolve: (line: string) => void, reject: (error: Error) => void } | undefined} */
  #waiting;
  #stderr = '';
  /** @type {Error | undefined} */
  #failure;
  #exited;

  /**
   * @param {string} name for messages
   * @param {[string, string[]]} command
   */
  constructor(name, [program, words]) {
    this.#name = name;
    this.#process = spawn(program, words, { stdio: ['pipe', 'pipe', 'pipe'] });
    this.#exited = once(this.#process, 'close');
    this.#exited.then(
      () => this.#giveUp(),
      (/** @type {unknown} */ error) => this.#giveUp(String(error)),
    );
    createInterface({ input: this.#process.stdout }).on('line', (line) => this.#receive(line));
    this.#process.stderr.setEncoding('utf8').on('data', (/** @type {string} */ text) => {
      this.#stderr = (this.#stderr + text).slice(-10_000);
    });
    this.#process.stdin.on('error', () => {}); // its end is reported by the exit
  }

  /** @returns {number} */
  get pid() {
    if (this.#process.pid === undefined) throw new Error(`${this.#name} did not start`);
    return this.#process.pid;
  }

  /**
   * The next line of stdout.
   *
   * @returns {Promise<string>}
   */
  nextLine() {
    const line = this.#lines.shift();
    if (line !== undefined) return Promise.resolve(line);
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
    });
  }

  /**
   * @param {string} line
   * @returns {void}
   */
  writeLine(line) {
    this.#process.stdin.write(`${line}\n`);
  }

  /**
   * Ends stdin and waits for the exit.
   *
   * @returns {Promise<void>}
   */
  async finish() {
    this.#process.stdin.end();
    await this.#exited;
  }

  /** @returns {Promise<void>} */
  async kill() {
    this.#process.kill('SIGKILL');
    await this.#exited;
  }

  /** The last resort, where nothing can be awaited any more. @returns {void} */
  killNow() {
    this.#process.kill('SIGKILL');
  }

  /** @param {string} line */
  #receive(line) {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (waiting === undefined) this.#lines.push(line);
    else waiting.resolve(line);
  }

  /** @param {string} [reason] */
  #giveUp(reason = this.#stderr.trim()) {
    this.#failure = new Error(`${this.#name} has ended${reason === '' ? '' : `: ${reason}`}`);
    this.#waiting?.reject(this.#failure);
    this.#waiting = undefined;
  }
}
