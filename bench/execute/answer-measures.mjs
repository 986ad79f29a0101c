import { createInterface } from 'node:readline';

import { operationsOf, questions } from './questions.mjs';

/** @typedef {import('./questions.mjs').QuestionName} QuestionName */

/** What one measure takes: `operations` are executed in turn for `ms` milliseconds. */
/** @typedef {{ question: QuestionName, operations: number, ms: number }} Measure */

/** Executes an operation for an event. */
/** @typedef {(rootValue: any) => any} Execute */

/** What executes many operations takes seconds until all of its code is compiled; until then its figures say little but that. */
const warmUps = { one: 0.25, many: 4 };

/** So many executions are timed as one. */
const batch = 60;

/**
 * Answers measures on stdin, a line each, until that ends.
 *
 * @param {(operation: string) => Execute | Promise<Execute>} prepare
 * @returns {Promise<void>}
 */
export async function answerMeasures(prepare) {
  for await (const line of createInterface({ input: process.stdin })) {
    /** @type {Measure} */
    const { question, operations, ms } = JSON.parse(line);
    const { rootValue } = questions[question];
    const all = await Promise.all(
      operationsOf(question, operations).map(async (operation) => prepare(operation)),
    );
    for (const execute of all) await check(execute, rootValue);
    await measure(all, rootValue, ms * (operations === 1 ? warmUps.one : warmUps.many));
    console.log(JSON.stringify({ us: await measure(all, rootValue, ms) }));
  }
}

/**
 * @param {readonly Execute[]} all
 * @param {object} rootValue
 * @param {number} ms
 * @returns {Promise<number>} microseconds of CPU per execution
 */
async function measure(all, rootValue, ms) {
  const begin = process.cpuUsage();
  const end = performance.now() + ms;
  let executions = 0;
  while (performance.now() < end) {
    for (let i = 0; i < batch; i += 1) {
      const result = all[executions % all.length]?.(rootValue);
      executions += 1;
      // what is there is not awaited: that would cost more than a small event does
      if (typeof result.then === 'function') await result;
    }
  }
  const { user, system } = process.cpuUsage(begin);
  return (user + system) / executions;
}

/**
 * @param {Execute} execute
 * @param {object} rootValue
 * @returns {Promise<void>}
 */
async function check(execute, rootValue) {
  const result = await execute(rootValue);
  if (typeof result === 'string') return;
  if (result.errors || !result.data) throw new Error(`not answered: ${JSON.stringify(result)}`);
}
