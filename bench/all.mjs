/**
 * Every benchmark, and at the end what server and client have to reach beside what they reach.
 *
 *     npm run bench                      # the short versions, in less than ten minutes
 *     npm run bench -- --full            # the long ones without the soak, in about half an hour
 *     npm run bench -- --only fan-out    # the table from what was measured before, and this
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { toBars } from './all/bars.mjs';
import { readResults } from './all/figures.mjs';
import { formatTable, writeResults } from './harness/index.mjs';
import { ensureCurrentMillrace } from './harness/millrace-build.mjs';

const scripts = [
  'fan-out',
  'latency',
  'connect',
  'memory',
  'compression',
  'keep-alive',
  'stalled-readers',
  'client-receive',
  'execute',
  'soak',
];
const { values } = parseArgs({
  options: { full: { type: 'boolean' }, only: { type: 'string' } },
});

ensureCurrentMillrace();
process.env['BENCH_AS_INSTALLED'] = '1'; // all scripts measure the same state of the sources
const begin = performance.now();
const failed = [];
for (const script of chooseScripts()) {
  console.log(`\n--- ${script} ---`);
  await rm(new URL(`results/${script}.json`, import.meta.url), { force: true });
  const status = await run(script);
  if (status !== 0) failed.push(script);
}
const reached = toBars(await readResults(scripts));
const minutes = ((performance.now() - begin) / 60_000).toFixed(1);
console.log(`\n${formatBars(reached)}\n\n${summarise(reached)}, in ${minutes} minutes`);
if (failed.length > 0) {
  console.log(`failed: ${failed.join(', ')}`);
  process.exitCode = 1;
}
await writeResults('all', { bars: reached, failed });

/** @returns {readonly string[]} */
function chooseScripts() {
  if (values.only !== undefined) return values.only.split(',').filter((name) => name !== '');
  return values.full === true ? scripts.filter((script) => script !== 'soak') : scripts;
}

/**
 * @param {string} script
 * @returns {Promise<number>}
 */
async function run(script) {
  const path = fileURLToPath(new URL(`${script}.mjs`, import.meta.url));
  const words = values.full === true ? [path] : [path, '--short'];
  const [status] = await once(spawn(process.execPath, words, { stdio: 'inherit' }), 'close');
  return status ?? 1;
}

/**
 * @param {readonly import('./all/bar.mjs').Bar[]} bars
 * @returns {string}
 */
function formatBars(bars) {
  return formatTable(
    ['measure', 'peer', 'theirs', 'ours', 'ratio', 'bar', 'met'],
    bars.map(({ measure, peer, theirs, ours, ratio, bar, met }) => [
      measure,
      peer,
      theirs,
      ours,
      ratio,
      bar,
      met === undefined ? 'not measured' : met ? 'yes' : 'NO',
    ]),
  );
}

/**
 * @param {readonly import('./all/bar.mjs').Bar[]} bars
 * @returns {string}
 */
function summarise(bars) {
  const count = (/** @type {boolean | undefined} */ verdict) =>
    bars.filter(({ met }) => met === verdict).length;
  return `${count(true)} bars met, ${count(false)} not met, ${count(undefined)} not measured`;
}
