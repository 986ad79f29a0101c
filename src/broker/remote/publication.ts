import type { PublishOptions } from '../types.ts';
import { encodeEvent } from './event-codec.ts';
import type { EventCodec } from './event-codec.ts';

/** An event as it is stored, with the id of its publication. */
export interface EncodedPublication {
  readonly stored: string | Buffer;
  readonly id: string | undefined;
}

/** Throws a `SourceError` `EVENT_NOT_SERIALIZABLE` for what cannot leave the process. */
export function encodePublication(
  codec: EventCodec,
  event: unknown,
  { idempotencyId }: PublishOptions = {},
): EncodedPublication {
  return { stored: encodeEvent(codec, event), id: idempotencyId };
}

/** As {@link encodePublication}, with an id of its own for each. */
export function encodePublications(
  codec: EventCodec,
  events: readonly unknown[],
  { idempotencyId }: PublishOptions = {},
): readonly EncodedPublication[] {
  return events.map((event, i) => ({
    stored: encodeEvent(codec, event),
    id: idempotencyId === undefined ? undefined : `${idempotencyId}/${i}`,
  }));
}
