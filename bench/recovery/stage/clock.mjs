/**
 * Milliseconds on a clock that all processes of one machine share.
 *
 * @returns {number}
 */
export function nowMs() {
  return Number(process.hrtime.bigint()) / 1e6;
}
