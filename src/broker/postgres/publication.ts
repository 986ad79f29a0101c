import { encodeEvent, jsonCodec } from '../remote/event-codec.ts';
import type { PublishOptions } from '../types.ts';
import { toAddress, toStoredText } from './log-address.ts';
import type { LogAddress } from './log-address.ts';

/** An event on its way to its log. */
export interface Publication {
  readonly address: LogAddress;
  readonly text: string;
  readonly id: string | null;
}

/** Throws a `SourceError` where the event, or the name of its log, cannot be stored. */
export function toPublication(
  topic: string,
  key: string,
  event: unknown,
  { idempotencyId }: PublishOptions = {},
): Publication {
  const address = toAddress(topic, key);
  return { address, text: toText(event), id: toId(idempotencyId) };
}

/** As {@link toPublication}, with an id for each. */
export function toPublications(
  topic: string,
  key: string,
  events: readonly unknown[],
  { idempotencyId }: PublishOptions = {},
): readonly Publication[] {
  const address = toAddress(topic, key);
  return events.map((event, i) => ({
    address,
    text: toText(event),
    id: toId(idempotencyId === undefined ? undefined : `${idempotencyId}/${i}`),
  }));
}

/** Topics, keys, events and ids, as statements take them. */
export function toColumns(publications: readonly Publication[]): unknown[] {
  return [
    publications.map(({ address }) => address.topic),
    publications.map(({ address }) => address.key),
    publications.map(({ text }) => text),
    publications.map(({ id }) => id),
  ];
}

function toText(event: unknown): string {
  return String(encodeEvent(jsonCodec, event));
}

function toId(idempotencyId: string | undefined): string | null {
  return idempotencyId === undefined ? null : toStoredText(idempotencyId);
}
