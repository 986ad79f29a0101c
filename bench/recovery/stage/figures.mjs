import { formatTable } from '../../harness/table.mjs';

/**
 * One thing that was measured, and what it has to be.
 *
 * @typedef {object} Figure
 * @property {string} measure
 * @property {string} measured
 * @property {string} bar empty where nothing is promised
 * @property {boolean | undefined} met
 */

/**
 * A figure that may be so much at most.
 *
 * @param {string} measure
 * @param {{ value: number, unit?: string, most: number }} figure
 * @returns {Figure}
 */
export function atMost(measure, { value, unit = '', most }) {
  return {
    measure,
    measured: formatValue(value, unit),
    bar: most === 0 ? '0' : `<= ${formatValue(most, unit)}`,
    met: value <= most,
  };
}

/**
 * A figure that has to be so much at least.
 *
 * @param {string} measure
 * @param {{ value: number, unit?: string, least: number }} figure
 * @returns {Figure}
 */
export function atLeast(measure, { value, unit = '', least }) {
  return {
    measure,
    measured: formatValue(value, unit),
    bar: `>= ${formatValue(least, unit)}`,
    met: value >= least,
  };
}

/**
 * A figure that belongs to the others, and has no bar.
 *
 * @param {string} measure
 * @param {number} value
 * @param {string} [unit]
 * @returns {Figure}
 */
export function beside(measure, value, unit = '') {
  return { measure, measured: formatValue(value, unit), bar: '', met: undefined };
}

/**
 * @param {number | null} ms null: it did not come to pass
 * @returns {number}
 */
export function toSeconds(ms) {
  return ms === null ? Number.POSITIVE_INFINITY : ms / 1_000;
}

/**
 * @param {readonly Figure[]} figures
 * @returns {string}
 */
export function formatFigures(figures) {
  return formatTable(
    ['measure', 'measured', 'bar', 'met'],
    figures.map(({ measure, measured, bar, met }) => [
      measure,
      measured,
      bar,
      met === undefined ? '' : met ? 'yes' : 'NO',
    ]),
  );
}

/**
 * @param {number} value
 * @param {string} unit
 * @returns {string}
 */
function formatValue(value, unit) {
  const digits = Number.isInteger(value) || Math.abs(value) >= 100 ? 0 : 2;
  const number = value.toLocaleString('en', {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
  return `${number} ${unit}`.trim();
}
