import { createServer } from 'node:net';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { createInterface } from 'node:readline';
import { setImmediate as nextTurn } from 'node:timers/promises';

import { MessageSequence } from './events.mjs';

/**
 * What a candidate tells of itself.
 *
 * @typedef {object} Candidate
 * @property {number} port
 * @property {'graphql-transport-ws' | 'subscriptions-transport-ws' | 'sse'} transport
 * @property {(room: string, message: import('./events.mjs').Message) => void} publish
 * @property {() => Promise<number>} countConnections
 * @property {() => object} [gauges] what else is held, by its own account
 */

/**
 * Answers the commands of the generator and of the harness on a port of its own, and announces both ports on stdout.
 *
 * @param {Candidate} candidate
 * @returns {void}
 */
export function serveControl(candidate) {
  const control = new Control(candidate);
  const server = createServer((socket) => {
    socket.setNoDelay(true);
    socket.on('error', () => socket.destroy());
    createInterface({ input: socket }).on('line', (line) => {
      void control.obey(line, (answer) => socket.write(`${JSON.stringify(answer)}\n`));
    });
  });
  server.listen(0, '127.0.0.1', () => {
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('control has no port');
    const { port, transport } = candidate;
    const announcement = { port, control: address.port, pid: process.pid, transport };
    process.stdout.write(`${JSON.stringify(announcement)}\n`);
  });
}

/** How often the event loop's delay is looked at: each look costs CPU time, which is measured too. */
const delayResolutionMs = 50;

/** The commands; one that nobody knows gets an answer with an `error`. */
class Control {
  #candidate;
  #messages = new MessageSequence();
  #delay = monitorEventLoopDelay({ resolution: delayResolutionMs });

  /** @param {Candidate} candidate */
  constructor(candidate) {
    this.#candidate = candidate;
    this.#delay.enable();
  }

  /**
   * @param {string} line
   * @param {(answer: object) => void} answer not called for what publishes
   * @returns {Promise<void>}
   */
  async obey(line, answer) {
    const [command = '', ...words] = line.split(' ');
    switch (command) {
      case 'publish':
        return this.#publish(words[0] ?? 'r0', Number(words[1]), Number(words[2]));
      case 'publish-each':
        return this.#publishEach(Number(words[0]), Number(words[1]));
      case 'stats':
        return answer(await this.#stats());
      case 'gc':
        await collectGarbage();
        return answer(await this.#stats());
      case 'exit':
        return process.exit(0);
      default:
        return answer({ error: `unknown command: ${line}` });
    }
  }

  /**
   * @param {string} room
   * @param {number} count
   * @param {number} textBytes
   * @returns {void}
   */
  #publish(room, count, textBytes) {
    for (let i = 0; i < count; i += 1) {
      this.#candidate.publish(room, this.#messages.next(room, textBytes));
    }
  }

  /**
   * @param {number} rooms
   * @param {number} textBytes
   * @returns {void}
   */
  #publishEach(rooms, textBytes) {
    for (let i = 0; i < rooms; i += 1) this.#publish(`r${i}`, 1, textBytes);
  }

  async #stats() {
    const connections = await this.#candidate.countConnections();
    const { user, system } = process.cpuUsage(); // of all threads
    const maxDelayMs = Math.max(0, this.#delay.max / 1e6 - delayResolutionMs);
    this.#delay.reset();
    return {
      cpuUs: user + system,
      userUs: user,
      systemUs: system,
      rssBytes: process.memoryUsage.rss(),
      heapUsedBytes: process.memoryUsage().heapUsed,
      connections,
      seq: this.#messages.last,
      maxDelayMs,
      executions: null,
      gauges: this.#candidate.gauges?.() ?? null,
    };
  }
}

/** Twice, with a turn between: finalizers of the first round free what the second finds. */
async function collectGarbage() {
  if (globalThis.gc === undefined) throw new Error('start this server with --expose-gc');
  globalThis.gc();
  await nextTurn();
  globalThis.gc();
}
