import { expect } from 'vitest';

import type { Broker, LogEntry, LogReader } from '../../src/broker/types.ts';

/** The next `count` entries, or fewer if the reader ends. */
export async function takeEntries(reader: LogReader, count: number): Promise<readonly LogEntry[]> {
  const entries: LogEntry[] = [];
  while (entries.length < count) {
    const batch = await reader.read();
    if (batch === undefined) break;
    entries.push(...batch);
  }
  return entries;
}

/** The events of the next `count` entries. */
export async function takeEvents(reader: LogReader, count: number): Promise<readonly unknown[]> {
  return (await takeEntries(reader, count)).map(({ event }) => event);
}

/** What a reader gives before it fails, and the code of its failure. */
export async function readToFailure(
  reader: LogReader,
): Promise<{ readonly events: readonly unknown[]; readonly code: unknown }> {
  const events: unknown[] = [];
  try {
    for (let batch = await reader.read(); batch; batch = await reader.read())
      events.push(...batch.map(({ event }) => event));
    return { events, code: undefined };
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : error;
    return { events, code };
  }
}

/** Readers of as many logs, each of whom has taken the one event of its log. */
export async function exchangeInLogs(broker: Broker, count: number): Promise<readonly LogReader[]> {
  const keys = Array.from({ length: count }, (_, i) => `key ${i}`);
  const readers = await Promise.all(keys.map((key) => broker.read('topic', key, undefined)));
  await Promise.all(keys.map((key) => broker.publish('topic', key, key)));
  for (const [i, reader] of readers.entries())
    expect(await takeEvents(reader, 1)).toEqual([keys[i]]);
  return readers;
}
