import type { Clock } from '../../vocabulary.ts';
import { compareIds } from '../remote/entry-id.ts';
import { PageSize } from '../remote/page-size.ts';
import type { PostgresConnection } from './connection.ts';
import { notifiedName } from './log-address.ts';
import type { Glance, LogQueries, StoredEvent } from './log-queries.ts';
import { bytesOf } from './postgres-log.ts';
import type { PostgresLog } from './postgres-log.ts';

/** What a {@link PostgresFeed} is made from. */
export interface PostgresFeedOptions {
  readonly connection: PostgresConnection;
  readonly queries: LogQueries;
  readonly clock: Clock;
  /** By their names. */
  readonly logs: ReadonlyMap<string, PostgresLog>;
  /** Time between looks whether something was published that nobody was notified of. */
  readonly pollMs: number;
  /** Called for a log that is not any more what it was. */
  readonly onLost: (log: PostgresLog, why: string) => void;
}

/** Between attempts to read where PostgreSQL refuses. */
const pauseMs = 200;

/** Logs that are asked for by one query. */
const logsPerQuery = 1_000;

/** Pages of events that one answer is meant to hold at most, about; but a few events of each log. */
const pagesPerAnswer = 16;
const fewestEvents = 8;

/** Reads whatever is new in all logs, with one query at a time. */
export class PostgresFeed {
  readonly #options: PostgresFeedOptions;
  readonly #pageSize = new PageSize();
  /** Names of logs in which something may be new. */
  readonly #due = new Set<string>();
  #state: 'idle' | 'reading' | 'closed' = 'idle';
  #stopTimer: (() => void) | undefined;
  #endPause: (() => void) | undefined;
  #seen: Glance | undefined;
  /** Reading that newcomers wait for. */
  readonly #reaching = new Map<PostgresLog, Promise<void>>();

  constructor(options: PostgresFeedOptions) {
    this.#options = options;
  }

  /** A notification came. */
  notice(payload: string): void {
    const name = notifiedName(payload);
    if (name === undefined) this.readAll();
    else this.#include(name);
  }

  /** A log was added; what was published since it was looked at may have been notified of before. */
  add(log: PostgresLog): void {
    this.#include(log.name);
    this.#pollInTime();
  }

  /** Something may be new everywhere. */
  readAll(): void {
    for (const name of this.#options.logs.keys()) this.#include(name);
  }

  /** Resolves once everything up to `id`, which PostgreSQL has, was read; once for all who want that. */
  async reach(log: PostgresLog, id: string): Promise<void> {
    while (!log.hasEnded && compareIds(log.lastId, id) < 0) {
      const { lastId } = log;
      const shared = this.#reaching.get(log);
      await (shared ?? this.#startReaching(log));
      // `id` names no event: it is where the logs ended when this one had nothing
      if (!shared && log.lastId === lastId) log.skip(id);
    }
  }

  close(): void {
    this.#state = 'closed';
    this.#stopTimer?.();
    this.#endPause?.();
    this.#due.clear();
  }

  #startReaching(log: PostgresLog): Promise<void> {
    const reading = this.#read([log]).finally(() => this.#reaching.delete(log));
    this.#reaching.set(log, reading);
    return reading;
  }

  #include(name: string): void {
    if (this.#state === 'closed' || !this.#options.logs.has(name)) return;
    this.#due.add(name);
    if (this.#state === 'reading') return;
    this.#state = 'reading';
    void this.#run(); // never rejects
  }

  /** Ends when nothing is due any more. */
  async #run(): Promise<void> {
    while (this.#due.size > 0) {
      const names = [...this.#due].slice(0, logsPerQuery);
      for (const name of names) this.#due.delete(name);
      try {
        await this.#read(names.flatMap((name) => this.#options.logs.get(name) ?? []));
      } catch {
        // the connection says so; everything is read again once it is back
        if (!this.#isClosed()) await this.#pause();
        for (const name of names) this.#due.add(name);
      }
      if (this.#isClosed()) return;
    }
    this.#state = 'idle';
  }

  #isClosed(): boolean {
    return this.#state === 'closed';
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      const stopTimer = this.#options.clock.schedule(resolve, pauseMs);
      this.#endPause = () => {
        stopTimer();
        resolve();
      };
    });
  }

  async #read(logs: readonly PostgresLog[]): Promise<void> {
    if (logs.length === 0) return;
    const { queries, onLost, clock } = this.#options;
    const seen = this.#seen;
    const limit = this.#eventsOf(logs.length);
    const requests = logs.map((log) => ({
      address: log.address,
      epoch: log.epoch,
      after: log.lastId,
    }));
    const answers = await queries.read(requests, limit);
    let parts: readonly LogPart[] = logs.flatMap((log, i): readonly LogPart[] => {
      const answer = answers[i] ?? [];
      if (answer === 'lost') onLost(log, 'events are missing in PostgreSQL, or the log is another');
      else if (answer.length === limit) this.#include(log.name);
      else if (answer.length === 0 && seen?.epoch === log.epoch) log.skipUnused(seen.lastPlace);
      return answer === 'lost' || answer.length === 0 ? [] : [[log, answer]];
    });
    const events = parts.flatMap(([, added]) => added);
    this.#pageSize.adapt(events.length, bytesOf(events));
    while (parts.length > 0) {
      parts = parts.flatMap(([log, added]): readonly LogPart[] => {
        const others = log.append(added);
        return others.length > 0 ? [[log, others]] : [];
      });
      // whoever reads gets its turn in between
      if (parts.length > 0) await clock.turn();
    }
  }

  #eventsOf(logs: number): number {
    const { count } = this.#pageSize;
    return Math.max(fewestEvents, Math.min(count, Math.floor((pagesPerAnswer * count) / logs)));
  }

  #pollInTime(): void {
    if (this.#stopTimer !== undefined || this.#state === 'closed') return;
    this.#stopTimer = this.#options.clock.schedule(() => {
      void this.#poll(); // never rejects
    }, this.#options.pollMs);
  }

  async #poll(): Promise<void> {
    try {
      const [before, glance] = [this.#seen, await this.#options.queries.glance()];
      this.#seen = glance;
      if (glance.epoch !== before?.epoch || glance.lastPlace !== before.lastPlace) this.readAll();
      // the table that is there now notifies on another channel
      if (before !== undefined && before.epoch !== glance.epoch)
        this.#options.connection.renew(new Error('the table of events is another one than before'));
    } catch {
      // the connection says so, and everything is read once it is back
    }
    this.#stopTimer = undefined;
    if (this.#options.logs.size > 0) this.#pollInTime();
  }
}

/** A log and what follows in it. */
type LogPart = readonly [log: PostgresLog, events: readonly StoredEvent[]];
