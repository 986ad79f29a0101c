import { SourceError } from '../../errors.ts';

/** One entry as Redis gives it: its id, then names and values in turn. */
export interface StoredEntry {
  readonly id: string;
  readonly fields: readonly Uint8Array[];
}

/** What the script for looking answers. */
export interface LogView {
  readonly epoch: string;
  readonly lastId: string;
  readonly firstId: string | undefined;
  /** Entries that were ever added; `undefined` before Redis 7. */
  readonly added: number | undefined;
  readonly length: number;
  /** For each position that was asked about, and at the end for the one after which entries were wanted: whether everything after it is held. */
  readonly held: readonly boolean[];
  /** Not certain to follow their position without a gap. */
  readonly entries: readonly StoredEntry[];
}

/** What the script for checking answers. */
export interface LogCheck {
  readonly epoch: string;
  readonly lastId: string;
  readonly added: number | undefined;
  readonly length: number;
  /** The known entry is still there. */
  readonly holdsKnown: boolean;
}

export function parseLogView(reply: unknown): LogView {
  const [epoch, lastId, firstId, added, length, held, entries] = toList(reply);
  return {
    epoch: toText(epoch),
    lastId: toText(lastId),
    firstId: toText(firstId) || undefined,
    added: toCount(added),
    length: toCount(length) ?? 0,
    held: toList(held).map((answer) => answer === 1),
    entries: parseEntries(entries),
  };
}

export function parseLogCheck(reply: unknown): LogCheck {
  const [epoch, lastId, added, length, held] = toList(reply);
  return {
    epoch: toText(epoch),
    lastId: toText(lastId),
    added: toCount(added),
    length: toCount(length) ?? 0,
    holdsKnown: held === 1,
  };
}

/** The epoch, and the ids of what was published. */
export function parsePublished(reply: unknown): readonly [string, ...string[]] {
  const [epoch, ...ids] = toList(reply);
  return [toText(epoch), ...ids.map(toText)];
}

/** The streams of an answer to XREAD by their names. */
export function parseStreams(
  reply: unknown,
): readonly (readonly [string, readonly StoredEntry[]])[] {
  if (reply === null) return [];
  return toList(reply).map((stream) => {
    const [name, entries] = toList(stream);
    return [toText(name), parseEntries(entries)] as const;
  });
}

export function parseEntries(reply: unknown): readonly StoredEntry[] {
  return toList(reply).map((entry) => {
    const [id, fields] = toList(entry);
    return { id: toText(id), fields: toList(fields).map(toBytes) };
  });
}

function toList(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw unexpected('a list', value);
}

function toText(value: unknown): string {
  if (typeof value === 'string') return value;
  return Buffer.from(toBytes(value)).toString();
}

function toBytes(value: unknown): Uint8Array {
  if (value instanceof Uint8Array) return value;
  throw unexpected('a text', value);
}

function toCount(value: unknown): number | undefined {
  if (typeof value !== 'number') throw unexpected('a number', value);
  return value < 0 ? undefined : value;
}

function unexpected(expected: string, value: unknown): SourceError {
  const type = value === null ? 'null' : typeof value;
  return new SourceError(
    'BROKER_UNAVAILABLE',
    `Redis answered with ${type} where ${expected} was expected`,
  );
}
