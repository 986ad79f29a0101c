import { createHash } from 'node:crypto';

/** The log that an event belongs to. */
export interface Stream {
  readonly topic: string;
  readonly key: string;
}

/** What is published: it says where it belongs, and whether it is whole. */
export interface LedgerEvent extends Stream {
  /** Counts the events of its stream, from 1. */
  readonly sequence: number;
  /** When it was made, in milliseconds since 1970. */
  readonly at: number;
  /** Makes it large. */
  readonly padding: string;
  readonly checksum: string;
}

export function createEvent(content: Omit<LedgerEvent, 'checksum'>): LedgerEvent {
  return { ...content, checksum: checksumOf(content) };
}

export function isIntact(event: LedgerEvent): boolean {
  return event.checksum === checksumOf(event);
}

/** One text for one stream. */
export function nameOf({ topic, key }: Stream): string {
  return `${topic}/${key}`;
}

function checksumOf({ topic, key, sequence, at, padding }: Omit<LedgerEvent, 'checksum'>): string {
  const text = JSON.stringify([topic, key, sequence, at, padding]);
  return createHash('sha1').update(text).digest('hex').slice(0, 16);
}
