import { readFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';

const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));

/**
 * What figures have to be read with.
 *
 * @typedef {object} Machine
 * @property {string} processor
 * @property {number} cores
 * @property {number} memoryBytes
 * @property {string} kernel
 * @property {string} node
 * @property {Record<string, string>} packages versions of the peers
 */

/** @returns {Machine} */
export function describeMachine() {
  const processors = cpus();
  return {
    processor: processors[0]?.model.trim() ?? 'unknown',
    cores: processors.length,
    memoryBytes: totalmem(),
    kernel: release(),
    node: process.version,
    packages: manifest.dependencies,
  };
}

/**
 * @param {Machine} machine
 * @returns {string}
 */
export function formatMachine({ processor, cores, memoryBytes, kernel, node }) {
  const gibibytes = Math.round(memoryBytes / 2 ** 30);
  return `${processor}, ${cores} cores, ${gibibytes} GiB, Linux ${kernel}, Node ${node}`;
}
