/**
 * Every measure of coming back, each in a process of its own, and at the end all figures beside their bars.
 *
 *     npm run bench:recovery                     # in about eight minutes
 *     npm run bench:recovery -- --short          # with fewer clients and rounds
 *     npm run bench:recovery -- --only kill,cut  # these alone
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { describeMachine, formatMachine } from '../harness/machine.mjs';
import { ensureCurrentMillrace } from '../harness/millrace-build.mjs';
import { formatFigures } from './stage/figures.mjs';

const scripts = ['kill', 'rolling-drain', 'cut', 'broker-latency', 'broker-consumption'];
const { values } = parseArgs({ options: { short: { type: 'boolean' }, only: { type: 'string' } } });

ensureCurrentMillrace();
process.env['BENCH_AS_INSTALLED'] = '1'; // all measure the same state of the sources
const begin = performance.now();
const failed = [];
const figures = [];
for (const script of chooseScripts()) {
  console.log(`\n--- ${script} ---`);
  await rm(resultsOf(script), { force: true });
  if ((await run(script)) === 0) figures.push(...(await readFigures(script)));
  else failed.push(script);
}
const minutes = ((performance.now() - begin) / 60_000).toFixed(1);
const withBar = figures.filter(({ bar }) => bar !== '');
const reached = withBar.filter(({ met }) => met === true).length;
console.log(`\n--- bars, on ${formatMachine(describeMachine())} ---\n${formatFigures(withBar)}`);
console.log(`\n${reached} of ${withBar.length} bars met, in ${minutes} minutes`);
if (failed.length > 0) {
  console.log(`not measured: ${failed.join(', ')}`);
  process.exitCode = 1;
}

/** @returns {readonly string[]} */
function chooseScripts() {
  const chosen = values.only?.split(',') ?? scripts;
  const unknown = chosen.filter((name) => !scripts.includes(name));
  if (unknown.length > 0)
    throw new Error(`there is no ${unknown.join(', ')}; there are ${scripts.join(', ')}`);
  return chosen;
}

/** @param {string} script */
function resultsOf(script) {
  return new URL(`../results/recovery-${script}.json`, import.meta.url);
}

/**
 * @param {string} script
 * @returns {Promise<import('./stage/figures.mjs').Figure[]>} named with their script
 */
async function readFigures(script) {
  /** @type {{ figures: import('./stage/figures.mjs').Figure[] }} */
  const results = JSON.parse(await readFile(resultsOf(script), 'utf8')); // as `runRecovery` writes it
  return results.figures.map(({ measure, measured, bar, met }) => ({
    measure: `${script}: ${measure}`,
    measured,
    bar,
    met,
  }));
}

/**
 * @param {string} script
 * @returns {Promise<number>}
 */
async function run(script) {
  const folder = script.startsWith('broker-') ? '..' : '.';
  const path = fileURLToPath(new URL(`${folder}/${script}.mjs`, import.meta.url));
  const words = values.short === true ? [path, '--short'] : [path];
  const [status] = await once(spawn(process.execPath, words, { stdio: 'inherit' }), 'close');
  return status ?? 1;
}
