import { mkdir, writeFile } from 'node:fs/promises';

import { describeMachine } from './machine.mjs';

/**
 * Keeps what was measured in `bench/results/<name>.json`, together with the machine.
 *
 * @param {string} name
 * @param {object} results
 * @returns {Promise<void>}
 */
export async function writeResults(name, results) {
  const folder = new URL('../results/', import.meta.url);
  await mkdir(folder, { recursive: true });
  const content = { name, at: new Date().toISOString(), machine: describeMachine(), ...results };
  await writeFile(new URL(`${name}.json`, folder), `${JSON.stringify(content, undefined, 2)}\n`);
}
