/**
 * What the execution of one event costs, before anything is sent.
 *
 *     node bench/execute.mjs [--short] [--candidates millrace,graphql-17] [--questions small,list] [--rounds 5] [--ms 1000]
 *
 * Each engine executes one operation, then 60 of other names in turn: what a compiler learns of one shape is of little use then. Each measure has a process
 * of its own, and the engines take turns.
 */
import { engines, measureEngine, requireEngines } from './execute/engines.mjs';
import { questions } from './execute/questions.mjs';
import { readFlags } from './harness/flags.mjs';
import { alternate, formatTable, median } from './harness/index.mjs';
import { runBench } from './harness/run-bench.mjs';

/** @typedef {import('./execute/engines.mjs').EngineName} EngineName */
/** @typedef {import('./execute/questions.mjs').QuestionName} QuestionName */

/**
 * @typedef {object} Row
 * @property {QuestionName} question
 * @property {number} operations
 * @property {Record<string, number>} us microseconds of CPU per execution, median of the rounds, by engine
 */

const flags = readFlags(
  { candidates: Object.keys(engines), questions: Object.keys(questions), rounds: 5, ms: 1_000 },
  { rounds: 3, ms: 300 },
);

await runBench('execute', async () => {
  const names = requireEngines(flags.candidates);
  /** @type {Row[]} */
  const rows = [];
  for (const question of Object.keys(questions).filter((name) => flags.questions.includes(name))) {
    for (const operations of [1, 60]) {
      // a key of the table
      rows.push(await measure(names, /** @type {QuestionName} */ (question), operations));
    }
  }
  console.log(`microseconds of CPU per execution, medians of ${flags.rounds} rounds\n`);
  console.log(formatRows(names, rows));
  return { ...flags, rows };
});

/**
 * @param {readonly EngineName[]} names
 * @param {QuestionName} question
 * @param {number} operations
 * @returns {Promise<Row>}
 */
async function measure(names, question, operations) {
  const results = await alternate(flags.rounds, names, (name) =>
    measureEngine(name, { question, operations, ms: flags.ms }),
  );
  const medians = [...results].map(([name, samples]) => [name, median(samples)]);
  return { question, operations, us: Object.fromEntries(medians) };
}

/**
 * @param {readonly EngineName[]} names
 * @param {readonly Row[]} rows
 * @returns {string}
 */
function formatRows(names, rows) {
  const peers = names.filter((name) => name !== 'millrace');
  return formatTable(
    ['event', 'operations', ...names, ...peers.map((name) => `by ${name}`)],
    rows.map(({ question, operations, us }) => [
      questions[question].label,
      String(operations),
      ...names.map((name) => (us[name] ?? Number.NaN).toFixed(2)),
      ...peers.map((name) => `${((us[name] ?? Number.NaN) / (us['millrace'] ?? 0)).toFixed(1)}x`),
    ]),
  );
}
