import { LRUCache } from 'lru-cache';

import type { EventCodec } from '../../broker/redis.ts';
import { UnsupportedOptionError } from '../unsupported-option.ts';
import type { Loose } from '../loose.ts';

/** As `JSON.parse` takes it. */
export type Reviver = (key: Loose, value: Loose) => Loose;
/** Writes a payload. */
export type Serializer = (payload: Loose) => string | Uint8Array;
/** Reads what a serializer wrote; `channel` is the name of the trigger. */
export type Deserializer = (
  stored: Buffer,
  context: { readonly channel: string; readonly pattern?: string | undefined },
) => Loose;

/** How payloads are written and read. JSON both ways without any of them. */
export interface PayloadFormatOptions {
  readonly reviver?: Reviver;
  readonly serializer?: Serializer;
  readonly deserializer?: Deserializer;
}

type Transform = (stored: unknown) => unknown;

/** Names whose transforms are kept, so that those who read the same share it. */
const transformsKept = 10_000;

/** Payloads as bytes. What cannot be read arrives as it is: as text, or as bytes where there is a deserializer. */
export class PayloadFormat {
  readonly codec: EventCodec;
  readonly #deserializer: Deserializer | undefined;
  /** One for each name, because only sources with the same functions are shared. */
  readonly #transforms = new LRUCache<string, Transform>({ max: transformsKept });

  /** @throws UnsupportedOptionError for a reviver beside a deserializer */
  constructor({ reviver, serializer, deserializer }: PayloadFormatOptions) {
    if (reviver && deserializer) {
      throw new UnsupportedOptionError('reviver', 'the `deserializer` can do what it does');
    }
    this.#deserializer = deserializer;
    this.codec = {
      encode: serializer ?? toJson,
      decode: deserializer ? toBuffer : (stored) => decodeJson(toBuffer(stored), reviver),
    };
  }

  /** What is done with the payloads of one trigger after they were read. */
  transformOf(channel: string): Transform | undefined {
    const deserialize = this.#deserializer;
    if (!deserialize) return undefined;
    const known = this.#transforms.get(channel);
    if (known) return known;
    const transform: Transform = (stored) => read(deserialize, stored, channel);
    this.#transforms.set(channel, transform);
    return transform;
  }
}

/** What JSON has no text for is an empty one, as clients of Redis publish it. */
function toJson(payload: unknown): string {
  const text: string | undefined = JSON.stringify(payload);
  return text ?? '';
}

function decodeJson(stored: Buffer, reviver: Reviver | undefined): unknown {
  const text = stored.toString('utf8');
  try {
    return JSON.parse(text, reviver) as unknown;
  } catch {
    return text;
  }
}

function read(deserialize: Deserializer, stored: unknown, channel: string): unknown {
  const bytes = stored as Buffer; // the codec beside it made one
  try {
    return deserialize(bytes, { pattern: undefined, channel }) as unknown;
  } catch {
    return bytes.toString('utf8');
  }
}

function toBuffer(stored: Uint8Array): Buffer {
  return Buffer.from(stored.buffer, stored.byteOffset, stored.byteLength);
}
