import { openLab } from './lab.mjs';
import { describeMachine, formatMachine } from './machine.mjs';
import { ensureCurrentMillrace } from './millrace-build.mjs';
import { writeResults } from './results.mjs';

/** @typedef {Awaited<ReturnType<typeof openLab>>} Lab */

/**
 * Frames one benchmark: names the machine, measures, keeps the results, and ends every process whatever happened.
 *
 * @param {string} name of the file that the results go to
 * @param {(lab: Lab) => Promise<object>} measure prints its table and returns its results
 * @returns {Promise<void>}
 */
export async function runBench(name, measure) {
  ensureCurrentMillrace();
  process.env['NODE_ENV'] = 'production'; // of the servers: graphql-js and others do less then
  const lab = await openLab();
  try {
    console.log(`${name} on ${formatMachine(describeMachine())}\n`);
    await writeResults(name, await measure(lab));
  } finally {
    await lab.close();
  }
}
