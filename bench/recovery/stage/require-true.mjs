/**
 * Ends a measure that would not mean what it says.
 *
 * @param {boolean} isTrue
 * @param {string} otherwise what is the case instead
 * @returns {void}
 */
export function requireTrue(isTrue, otherwise) {
  if (!isTrue) throw new Error(`cannot be measured: ${otherwise}`);
}
