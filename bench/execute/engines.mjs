import { fileURLToPath } from 'node:url';

import { Child } from '../harness/child.mjs';
import { cores, pinned } from '../harness/cores.mjs';

/** @typedef {import('./answer-measures.mjs').Measure} Measure */

/**
 * The engines that can be measured, by the name that `--candidates` takes: a program each in this folder.
 *
 * @satisfies {Record<string, { label: string }>}
 */
export const engines = {
  millrace: { label: 'millrace' },
  'graphql-17': { label: 'graphql-js 17' },
  'graphql-16': { label: 'graphql-js 16' },
  'graphql-jit': { label: 'graphql-jit' },
  json: { label: 'JSON.stringify of the event' },
};

/** @typedef {keyof typeof engines} EngineName */

/**
 * @param {readonly string[]} names
 * @returns {EngineName[]}
 */
export function requireEngines(names) {
  return names.map((name) => {
    if (!Object.hasOwn(engines, name)) {
      throw new Error(`no candidate ${name}; there are ${Object.keys(engines).join(', ')}`);
    }
    return /** @type {EngineName} */ (name); // it is an own key of the table
  });
}

/**
 * Measures in a process of its own: what one question taught the compiler is nothing to the next.
 *
 * @param {EngineName} name
 * @param {Measure} measure
 * @returns {Promise<number>} microseconds of CPU per execution
 */
export async function measureEngine(name, measure) {
  const path = fileURLToPath(new URL(`${name}.mjs`, import.meta.url));
  const child = new Child(name, pinned(cores.server, [process.execPath, path]));
  try {
    child.writeLine(JSON.stringify(measure));
    return JSON.parse(await child.nextLine()).us;
  } finally {
    await child.finish();
  }
}
