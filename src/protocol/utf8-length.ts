/** Bytes of `text` in UTF-8; an unpaired surrogate counts as the replacement character that an encoder writes for it. */
export function utf8Length(text: string): number {
  let bytes = text.length;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) continue;
    bytes += unit < 0x800 ? 1 : 2;
    if (startsPair(text, i)) i++;
  }
  return bytes;
}

// A pair is two units and four bytes: the two of the first unit's surplus account for both.
function startsPair(text: string, i: number): boolean {
  return (
    isBetween(text.charCodeAt(i), 0xd800, 0xdbff) &&
    isBetween(text.charCodeAt(i + 1), 0xdc00, 0xdfff)
  );
}

function isBetween(unit: number, low: number, high: number): boolean {
  return unit >= low && unit <= high;
}
