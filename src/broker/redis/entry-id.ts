import { comparePart } from '../remote/entry-id.ts';

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

/** When the entry was added, in milliseconds since 1970 on the clock of Redis. */
export function timeOf(id: string): number {
  return Number(id.slice(0, id.indexOf('-')));
}
