import { fileURLToPath } from 'node:url';

import { Child } from '../harness/child.mjs';
import { MeasureError } from '../harness/clients.mjs';
import { assertPinned, cores, pinned } from '../harness/cores.mjs';

/**
 * The clients that can be measured, by the name that `--candidates` takes: a program each in this folder.
 *
 * @satisfies {Record<string, { label: string }>}
 */
export const receivers = {
  millrace: { label: 'millrace, observer' },
  'millrace-iterator': { label: 'millrace, for await' },
  'graphql-ws': { label: 'graphql-ws, sink' },
  'graphql-ws-iterator': { label: 'graphql-ws, for await' },
  ws: { label: 'limit: ws and JSON.parse' },
};

/** @typedef {keyof typeof receivers} ReceiverName */
/** @typedef {import('./answer-measures.mjs').Load} Load */

/** @typedef {{ messages: number, cpuUs: number, userUs: number, wallMs: number }} Cost */

/**
 * @param {readonly string[]} names
 * @returns {ReceiverName[]}
 */
export function requireReceivers(names) {
  return names.map((name) => {
    if (!Object.hasOwn(receivers, name)) {
      throw new Error(`no candidate ${name}; there are ${Object.keys(receivers).join(', ')}`);
    }
    return /** @type {ReceiverName} */ (name); // it is an own key of the table
  });
}

/** A program of this folder on a core of its own. It ends with its stdin, and so with this process, however that ended. */
class Program {
  #child;

  /**
   * @param {string} name
   * @param {{ core: number, words?: readonly string[] }} place
   */
  constructor(name, { core, words = [] }) {
    const path = fileURLToPath(new URL(`${name}.mjs`, import.meta.url));
    const command = [process.execPath, '--expose-gc', path, ...words];
    this.#child = new Child(name, pinned(core, command));
  }

  /** @returns {Promise<any>} what it says next */
  async answer() {
    try {
      return JSON.parse(await this.#child.nextLine());
    } catch (cause) {
      throw new MeasureError(cause instanceof Error ? cause.message : String(cause), { cause });
    }
  }

  /** @param {object} request */
  ask(request) {
    this.#child.writeLine(JSON.stringify(request));
    return this.answer();
  }

  /** @param {number} core */
  assertPinned(core) {
    return assertPinned(this.#child.pid, core);
  }

  /** @returns {Promise<void>} */
  stop() {
    return this.#child.finish();
  }
}

/**
 * The server has the core that is the generator's elsewhere: here the clients are what is measured.
 *
 * @returns {Promise<{ port: number, stop: () => Promise<void> }>}
 */
export async function startFrameServer() {
  const core = cores.generator;
  const program = new Program('frame-server', { core });
  /** @type {{ port: number }} */
  const { port } = await program.answer();
  await program.assertPinned(core);
  return { port, stop: () => program.stop() };
}

/** A client in a process of its own. */
export class Receiver {
  #program;

  /**
   * @param {ReceiverName} name
   * @param {number} port of the server
   */
  constructor(name, port) {
    this.#program = new Program(name, { core: cores.server, words: [String(port)] });
  }

  /**
   * What an operation costs the client, from its start to its end.
   *
   * @param {{ warmUp: Load, load: Load }} measure
   * @returns {Promise<Cost>}
   */
  async receive(measure) {
    const cost = await this.#program.ask({ measure: 'receive', ...measure });
    await this.#program.assertPinned(cores.server);
    return cost;
  }

  /**
   * How many promises are made between the first message and the last.
   *
   * @param {{ warmUp: Load, load: Load }} measure
   * @returns {Promise<{ messages: number, promises: number }>}
   */
  countPromises(measure) {
    return this.#program.ask({ measure: 'promises', ...measure });
  }

  /** @returns {Promise<void>} */
  stop() {
    return this.#program.stop();
  }
}
