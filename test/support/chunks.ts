import fc from 'fast-check';

const encoder = new TextEncoder();

/** The bytes of `text` in UTF-8. */
export function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return encoder.encode(text);
}

/** `bytes` in pieces of `size`. */
export function chunksOf(
  bytes: Uint8Array<ArrayBuffer>,
  size: number,
): readonly Uint8Array<ArrayBuffer>[] {
  return Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) =>
    bytes.slice(index * size, (index + 1) * size),
  );
}

/** `bytes` in two pieces, once for every place where they can be split, and last in pieces of one byte. */
export function everySplit(
  bytes: Uint8Array<ArrayBuffer>,
): readonly (readonly Uint8Array<ArrayBuffer>[])[] {
  const pairs = Array.from({ length: bytes.length + 1 }, (_, at) => [
    bytes.slice(0, at),
    bytes.slice(at),
  ]);
  return [...pairs, chunksOf(bytes, 1)];
}

/** `bytes` in pieces of any sizes, empty ones among them. */
export function anySplit(
  bytes: Uint8Array<ArrayBuffer>,
): fc.Arbitrary<readonly Uint8Array<ArrayBuffer>[]> {
  return fc.array(fc.nat(bytes.length), { maxLength: 20 }).map((positions) => {
    const cuts = [0, ...positions.toSorted((a, b) => a - b), bytes.length];
    return cuts.slice(1).map((end, index) => bytes.slice(cuts[index], end));
  });
}
