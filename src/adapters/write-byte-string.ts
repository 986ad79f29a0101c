import type { Writable } from 'node:stream';

/** Longer strings the runtime writes later than in the same call, and counts as waiting until then. */
const longestStringBytes = 16_384;

/** Writes a string whose characters are bytes, to the system at once if that takes it. */
export function writeByteString(stream: Writable, bytes: string): void {
  if (bytes.length <= longestStringBytes) stream.write(bytes, 'latin1');
  else stream.write(Buffer.from(bytes, 'latin1'));
}
