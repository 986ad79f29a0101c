/**
 * One line of the closing table.
 *
 * @typedef {object} Bar
 * @property {string} measure
 * @property {string} peer
 * @property {string} theirs
 * @property {string} ours
 * @property {string} ratio
 * @property {string} bar
 * @property {boolean | undefined} met undefined where something was not measured
 */

/**
 * @typedef {object} Comparison
 * @property {string} measure
 * @property {string} unit
 * @property {string} [peer]
 * @property {number | undefined} [theirs]
 * @property {number | undefined} ours
 */

/**
 * Ours costs a small part of theirs.
 *
 * @param {Comparison & { times: number }} comparison
 * @returns {Bar}
 */
export function cheaper({ times, ...comparison }) {
  const ratio = divide(comparison.theirs, comparison.ours);
  const bar = `>= ${times}x cheaper`;
  return toBar(comparison, {
    ratio: ratio === undefined ? '' : `${ratio.toFixed(2)}x cheaper`,
    bar: times === 1 ? 'not dearer' : bar,
    met: ratio === undefined ? undefined : ratio >= times,
  });
}

/**
 * Ours is at most so many times theirs.
 *
 * @param {Comparison & { times: number }} comparison
 * @returns {Bar}
 */
export function withinTimes({ times, ...comparison }) {
  const ratio = divide(comparison.ours, comparison.theirs);
  return toBar(comparison, {
    ratio: ratio === undefined ? '' : `${ratio.toFixed(2)}x`,
    bar: `<= ${times}x`,
    met: ratio === undefined ? undefined : ratio <= times,
  });
}

/**
 * Ours is at most this, whatever theirs is.
 *
 * @param {Comparison & { most: number }} comparison
 * @returns {Bar}
 */
export function bound({ most, ...comparison }) {
  const ratio = divide(comparison.ours, comparison.theirs);
  return toBar(comparison, {
    ratio: ratio === undefined ? '' : `${ratio.toFixed(2)}x`,
    bar: `<= ${formatFigure(most, comparison.unit)}`,
    met: isMeasured(comparison.ours) ? comparison.ours <= most : undefined,
  });
}

/**
 * @param {Comparison} comparison
 * @param {{ ratio: string, bar: string, met: boolean | undefined }} verdict
 * @returns {Bar}
 */
function toBar({ measure, unit, peer = '', theirs, ours }, verdict) {
  return {
    measure,
    peer,
    theirs: formatFigure(theirs, unit),
    ours: formatFigure(ours, unit),
    ...verdict,
  };
}

/**
 * @param {number | undefined} dividend
 * @param {number | undefined} divisor
 * @returns {number | undefined}
 */
function divide(dividend, divisor) {
  return isMeasured(dividend) && isMeasured(divisor) ? dividend / divisor : undefined;
}

/**
 * @param {number | null | undefined} value
 * @returns {value is number}
 */
function isMeasured(value) {
  return typeof value === 'number' && !Number.isNaN(value);
}

/**
 * @param {number | undefined} value
 * @param {string} unit
 * @returns {string}
 */
function formatFigure(value, unit) {
  if (!isMeasured(value)) return '';
  const digits = value === 0 || value >= 100 ? 0 : value >= 10 ? 1 : 2;
  return `${value.toFixed(digits)}${unit === 'x' ? 'x' : ` ${unit}`}`.trim();
}
