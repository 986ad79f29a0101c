/** The id of a stream entry: milliseconds and a sequence number, both unsigned with 64 bits, as Redis writes them. */
const entryId = /^(0|[1-9]\d{0,19})-(0|[1-9]\d{0,19})$/;

const largestPart = '18446744073709551615';

/** The id of the position before every entry: the head of a stream that never held one. */
export const zeroId = '0-0';

/** Whether Redis could have issued `text`. */
export function isEntryId(text: string): boolean {
  const parts = entryId.exec(text);
  if (parts === null) return false;
  const [, milliseconds = '', sequence = ''] = parts;
  return comparePart(milliseconds, largestPart) <= 0 && comparePart(sequence, largestPart) <= 0;
}

/** Negative if `one` stands before `other`, 0 if they are the same; both are ids. */
export function compareIds(one: string, other: string): number {
  if (one === other) return 0;
  const [oneDash, otherDash] = [one.indexOf('-'), other.indexOf('-')];
  const order = comparePart(one.slice(0, oneDash), other.slice(0, otherDash));
  return order === 0 ? comparePart(one.slice(oneDash + 1), other.slice(otherDash + 1)) : order;
}

/** When the entry was added, in milliseconds since 1970 on the clock of Redis. */
export function timeOf(id: string): number {
  return Number(id.slice(0, id.indexOf('-')));
}

/** Numbers without leading zeros: the longer is the larger. They may exceed what a `number` holds exactly. */
function comparePart(one: string, other: string): number {
  if (one.length !== other.length) return one.length - other.length;
  if (one === other) return 0;
  return one < other ? -1 : 1;
}
