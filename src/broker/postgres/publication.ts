import type { EncodedPublication } from '../remote/publication.ts';
import { toStoredText } from './log-address.ts';
import type { LogAddress } from './log-address.ts';

/** An event on its way to its log. */
export interface Publication {
  readonly address: LogAddress;
  readonly text: string;
  readonly id: string | null;
}

export function toPublication(
  address: LogAddress,
  { stored, id }: EncodedPublication,
): Publication {
  return { address, text: String(stored), id: id === undefined ? null : toStoredText(id) };
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
