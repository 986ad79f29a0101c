import { readFile } from 'node:fs/promises';

/**
 * What the scripts have written, as far as the bars need it. Of a script that failed there is nothing.
 *
 * @typedef {object} Results
 * @property {{ rows: FanOutRow[] }} [fan-out]
 * @property {{ rows: LatencyRow[] }} [latency]
 * @property {{ results: ({ name: string } & Record<string, number>)[] }} [connect]
 * @property {{ results: ({ name: string } & Record<string, number>)[] }} [memory]
 * @property {{ rows: CompressionRow[], memory: { name: string, heapPerConnectionBytes: number }[] }} [compression]
 * @property {{ clients: number, results: ({ name: string } & Record<string, number>)[] }} [keep-alive]
 * @property {{ results: ({ name: string } & Record<string, number>)[] }} [client-receive]
 * @property {{ rows: { question: string, operations: number, us: Record<string, number> }[] }} [execute]
 * @property {{ stalled: number, boundBytes: number, results: StalledResult[] }} [stalled-readers]
 */

/** @typedef {{ candidate: string, clients: number, unicast: boolean, window: number, textBytes: number, cpuPerMessageUs: number }} FanOutRow */
/** @typedef {{ candidate: string, unicast: boolean, textBytes: number, cpuPerMessageUs: number }} CompressionRow */
/** @typedef {{ candidate: string, rate: number, lost: number, latencyMs: { p99: number } }} LatencyRow */
/** @typedef {{ latency: { latencyMs: { p99: number } }, growthBytes: number, cutOff: number }} StalledMeasure */
/** @typedef {{ name: string, reading: StalledMeasure, stalled: StalledMeasure }} StalledResult */

const textBytes = 68;

/**
 * @param {readonly string[]} names of scripts
 * @returns {Promise<Results>}
 */
export async function readResults(names) {
  const results = await Promise.all(names.map(async (name) => [name, await readResult(name)]));
  return Object.fromEntries(results.filter(([, result]) => result !== undefined));
}

/** @param {string} name */
async function readResult(name) {
  const text = await readFile(new URL(`../results/${name}.json`, import.meta.url), 'utf8').catch(
    () => {}, // a script that failed has left none
  );
  return text === undefined ? undefined : JSON.parse(text);
}

/**
 * @param {Results} results
 * @param {Omit<FanOutRow, 'textBytes' | 'cpuPerMessageUs'>} setting
 * @returns {number | undefined}
 */
export function messageCostOf(results, { candidate, clients, unicast, window }) {
  return results['fan-out']?.rows.find(
    (row) =>
      row.candidate === candidate &&
      row.clients === clients &&
      row.unicast === unicast &&
      row.window === window &&
      row.textBytes === textBytes,
  )?.cpuPerMessageUs;
}

/**
 * @param {Results} results
 * @param {string} candidate
 * @param {number} rate
 * @returns {LatencyRow | undefined}
 */
export function latencyOf({ latency }, candidate, rate) {
  return latency?.rows.find((row) => row.candidate === candidate && row.rate === rate);
}

/**
 * @param {Results} results
 * @param {'connect' | 'memory' | 'keep-alive' | 'client-receive'} script
 * @param {string} candidate
 * @returns {Record<string, number> | undefined}
 */
export function resultOf(results, script, candidate) {
  return results[script]?.results.find(({ name }) => name === candidate);
}

/**
 * @param {Results} results
 * @param {{ engine: string, question: string, operations: number }} setting
 * @returns {number | undefined} microseconds per execution
 */
export function executionCostOf(results, { engine, question, operations }) {
  const row = results.execute?.rows.find(
    (each) => each.question === question && each.operations === operations,
  );
  return row?.us[engine];
}
