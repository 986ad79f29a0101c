import { setTimeout as sleep } from 'node:timers/promises';

import { assertTwoCores } from '../../harness/cores.mjs';
import { claimMachine } from '../../harness/exclusive.mjs';
import { describeMachine, formatMachine } from '../../harness/machine.mjs';
import { ensureCurrentMillrace } from '../../harness/millrace-build.mjs';
import { writeResults } from '../../harness/results.mjs';
import { formatFigures } from './figures.mjs';
import { Stage } from './stage.mjs';

/**
 * What a measure found.
 *
 * @typedef {object} Findings
 * @property {readonly import('./figures.mjs').Figure[]} figures
 * @property {object} details for the file of results
 * @property {readonly string[]} [notes] what figures have to be read with
 */

/**
 * Frames one measure: names the machine, measures, prints and keeps what came out, and ends every process whatever happened.
 *
 * @remarks
 * The exit code says whether it could be measured, not whether a bar was met.
 * @param {string} name of the file that the results go to, behind `recovery-`
 * @param {{ timeoutMs: number, measure: (stage: Stage) => Promise<Findings> }} benchmark
 * @returns {Promise<void>}
 */
export async function runRecovery(name, { timeoutMs, measure }) {
  ensureCurrentMillrace();
  process.env['NODE_ENV'] = 'production'; // of all processes that are started
  assertTwoCores();
  const release = await claimMachine();
  const stage = new Stage();
  process.once('exit', () => stage.end());
  for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM'])) {
    process.once(signal, () => process.exit(1));
  }
  try {
    console.log(`${name} on ${formatMachine(describeMachine())}\n`);
    const { figures, details, notes = [] } = await within(timeoutMs, measure(stage));
    console.log(formatFigures(figures));
    if (notes.length > 0) console.log(`\n${notes.join('\n')}`);
    await writeResults(`recovery-${name}`, { figures, notes, details });
  } finally {
    stage.end();
    release();
  }
}

/**
 * @template Result
 * @param {number} timeoutMs
 * @param {Promise<Result>} work
 * @returns {Promise<Result>}
 */
async function within(timeoutMs, work) {
  const done = new AbortController();
  const tooLong = sleep(timeoutMs, undefined, { signal: done.signal }).then(() => {
    throw new Error(`not measured within ${timeoutMs / 1_000} s`);
  });
  try {
    return await Promise.race([work, tooLong]);
  } finally {
    done.abort();
    tooLong.catch(() => {}); // the end of the work aborts it
  }
}
