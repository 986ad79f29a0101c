/** @typedef {{ count: number, p50: number, p95: number, p99: number, max: number }} Quantiles `NaN` where there are no values */

/**
 * @param {readonly number[]} values
 * @returns {Quantiles}
 */
export function toQuantiles(values) {
  const sorted = Float64Array.from(values).toSorted();
  /** @param {number} share */
  const at = (share) => sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
  return { count: sorted.length, p50: at(0.5), p95: at(0.95), p99: at(0.99), max: at(1) };
}
