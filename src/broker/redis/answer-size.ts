import type { StoredEntry } from './replies.ts';

/** What one answer with the entries of all logs is meant to weigh in Redis at most. */
const answerBytes = 16_777_216;

/** What an entry is reckoned to weigh at least. */
const usualBytes = 1_024;

/** Asking for fewer would make too many of those who have more. */
const fewestEntries = 8;

/** How many entries of each log are asked for when many logs are read at once. */
export class AnswerSize {
  readonly #events: number;
  #entryBytes = usualBytes;

  /** @param events - that a log keeps at least */
  constructor(events: number) {
    this.#events = events;
  }

  /** One more than a log keeps, so that whoever gets fewer has them all; fewer if they would weigh too much. */
  entriesOf(logs: number): number {
    const fitting = Math.floor(answerBytes / (logs * this.#entryBytes));
    return Math.min(Math.max(fitting, fewestEntries), this.#events + 1);
  }

  /** Entries of one log were read. */
  adapt(entries: readonly StoredEntry[]): void {
    if (entries.length === 0) return;
    const mean = bytesOf(entries) / entries.length;
    // larger ones may come again at any time
    this.#entryBytes = Math.max(mean, usualBytes, this.#entryBytes * 0.99);
  }
}

/** What entries weigh in Redis, but for their ids. */
export function bytesOf(entries: readonly StoredEntry[]): number {
  let bytes = 0;
  for (const { fields } of entries) for (const field of fields) bytes += field.byteLength;
  return bytes;
}
