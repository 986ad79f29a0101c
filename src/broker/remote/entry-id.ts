/**
 * Compares two ids: one number without leading zeros, or two with a dash between, however large.
 *
 * @returns negative if `one` stands before `other`, 0 if they are the same
 */
export function compareIds(one: string, other: string): number {
  if (one === other) return 0;
  const [oneEnd, otherEnd] = [endOfFirst(one), endOfFirst(other)];
  const order = comparePart(one.slice(0, oneEnd), other.slice(0, otherEnd));
  return order === 0 ? comparePart(one.slice(oneEnd + 1), other.slice(otherEnd + 1)) : order;
}

/** The longer is the larger. They may exceed what a `number` holds exactly. */
export function comparePart(one: string, other: string): number {
  if (one.length !== other.length) return one.length - other.length;
  if (one === other) return 0;
  return one < other ? -1 : 1;
}

function endOfFirst(id: string): number {
  const dash = id.indexOf('-');
  return dash === -1 ? id.length : dash;
}
