/** @typedef {import('../harness/clients.mjs').Count} Count */
/**
 * Of a candidate that keeps account of what it holds, with the gauges.
 *
 * @typedef {import('../harness/server-process.mjs').ServerStats & { gauges?: Record<string, number> | null }} ServerStats
 */

const mebibyte = 2 ** 20;

/**
 * What is wrong with what the clients that stayed have received.
 *
 * @param {Count} before
 * @param {Count} after
 * @param {number} published between the two
 * @returns {string[]}
 */
export function faultsOfDelivery(before, after, published) {
  const faults = [];
  const least = after.least - before.least;
  const most = after.most - before.most;
  if (least !== published || most !== published) {
    faults.push(`${published} events were published, a client got ${least} to ${most}`);
  }
  if (after.gaps > 0) faults.push(`${after.gaps} gaps`);
  if (after.closed > 0) faults.push(`${after.closed} connections were closed`);
  return faults;
}

/**
 * What has not been given back.
 *
 * @param {object} memory
 * @param {ServerStats} memory.atFirst when the first clients had left
 * @param {ServerStats} memory.atLast when the last had
 * @param {number} memory.rssWithAllBytes when those that stayed had just come
 * @returns {string[]}
 */
export function faultsOfMemory({ atFirst, atLast, rssWithAllBytes }) {
  const heaps = [atFirst.heapUsedBytes ?? NaN, atLast.heapUsedBytes ?? NaN];
  return [
    ...faultOfGrowth('the heap', heaps[0] ?? NaN, heaps[1] ?? NaN),
    ...faultOfGrowth('resident memory', rssWithAllBytes, atLast.rssBytes),
    ...Object.entries(atLast.gauges ?? {})
      .filter(([, value]) => value !== 0)
      .map(([name, value]) => `gauge ${name} is ${value}`),
  ];
}

/**
 * A tenth, and what code that was compiled meanwhile takes, is no fault.
 *
 * @param {string} what
 * @param {number} before
 * @param {number} after
 * @returns {string[]}
 */
function faultOfGrowth(what, before, after) {
  if (after <= before * 1.1 + 2 * mebibyte) return [];
  return [`${what} went from ${inMebibytes(before)} to ${inMebibytes(after)}`];
}

/**
 * @param {number} bytes
 * @returns {string}
 */
export function inMebibytes(bytes) {
  return `${(bytes / mebibyte).toFixed(1)} MiB`;
}
