/** The offset of a position: the place of an event and its tag, or a place before which its log has nothing, and 0. */
const positionId = /^(0|[1-9]\d{0,18})-(0|[1-9]\d{0,9})$/;

const largestPlace = 2n ** 63n - 1n;
const largestTag = 2 ** 31 - 1;

/** Whether PostgreSQL could have issued `text`. */
export function isPositionId(text: string): boolean {
  const parts = positionId.exec(text);
  if (parts === null) return false;
  const [, place = '', tag = ''] = parts;
  return BigInt(place) <= largestPlace && Number(tag) <= largestTag;
}

export function toPositionId(place: string, tag: string): string {
  return `${place}-${tag}`;
}

/** Place and tag. */
export function partsOf(id: string): readonly [place: string, tag: string] {
  const dash = id.indexOf('-');
  return [id.slice(0, dash), id.slice(dash + 1)];
}
