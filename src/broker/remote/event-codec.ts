import { SourceError } from '../../errors.ts';

/** How events are written where they are stored, and read from there. */
export interface EventCodec {
  /** Throws, or returns something else than text or bytes, for what cannot leave the process. */
  encode(event: unknown): string | Uint8Array;
  /** Throws for what `encode` cannot have written. */
  decode(stored: Uint8Array): unknown;
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** JSON, as `JSON.stringify` makes it: members that are functions are left out. */
export const jsonCodec: EventCodec = {
  encode: (event) => JSON.stringify(event),
  decode: (stored) => JSON.parse(utf8.decode(stored)) as unknown,
};

/** What is stored for `event`; a `SourceError` `EVENT_NOT_SERIALIZABLE` if there is no such thing. */
export function encodeEvent(codec: EventCodec, event: unknown): string | Buffer {
  if (typeof event === 'function') throw notSerializable();
  // Codecs of others may return anything; JSON has no text for `undefined`.
  let stored: unknown;
  try {
    stored = codec.encode(event);
  } catch (cause) {
    throw notSerializable({ cause });
  }
  if (typeof stored === 'string') return stored;
  if (!(stored instanceof Uint8Array)) throw notSerializable();
  return Buffer.from(stored.buffer, stored.byteOffset, stored.byteLength);
}

function notSerializable(options?: ErrorOptions): SourceError {
  return new SourceError('EVENT_NOT_SERIALIZABLE', 'the event cannot leave this process', options);
}
