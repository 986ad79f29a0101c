import type { LogAddress } from './log-address.ts';
import type { PostgresNames } from './names.ts';
import { withClient } from './pool-client.ts';
import type { PoolOptions } from './pool-client.ts';
import { toCleanStatement } from './statements.ts';

/** What a {@link PostgresCleaner} is made from. */
export interface PostgresCleanerOptions extends PoolOptions {
  readonly names: PostgresNames;
  /** Time between two cleanings; 0 for none. */
  readonly cleanMs: number;
  readonly events: number;
  readonly ageMs: number;
  readonly idleMs: number;
  /** Logs that are read here. */
  readonly logs: ReadonlyMap<string, { readonly address: LogAddress }>;
}

/** Events that one statement removes, about. */
const eventsPerCleaning = 5_000;

/** Logs to which was published here, and which are cleaned the next time; those beyond are cleaned of what is old. */
const publishedLogs = 1_000;

/** Removes from PostgreSQL what is not kept. */
export class PostgresCleaner {
  readonly #options: PostgresCleanerOptions;
  readonly #statement: string;
  readonly #published = new Map<string, LogAddress>();
  #stopTimer: (() => void) | undefined;
  #state: 'open' | 'closed' = 'open';

  constructor(options: PostgresCleanerOptions) {
    this.#options = options;
    this.#statement = toCleanStatement(options.names);
  }

  /** Cleans again and again, from the first time that something is published or read. */
  start(): void {
    const { clock, cleanMs } = this.#options;
    if (this.#stopTimer !== undefined || this.#state === 'closed' || cleanMs === 0) return;
    this.#stopTimer = clock.schedule(() => {
      void this.#cleanInTime(); // never rejects
    }, cleanMs);
  }

  /** Something was published. */
  remember(address: LogAddress): void {
    if (this.#published.size < publishedLogs) this.#published.set(address.name, address);
    this.start();
  }

  close(): void {
    this.#state = 'closed';
    this.#stopTimer?.();
  }

  async #cleanInTime(): Promise<void> {
    const logs = [...this.#options.logs.values()].map(({ address }) => address);
    const addresses = [...new Map([...this.#published, ...logs.map(toEntry)]).values()];
    this.#published.clear();
    try {
      while (this.#state === 'open' && (await this.#clean(addresses)) >= eventsPerCleaning);
    } catch {
      // it is tried again the next time, and so do others
    }
    this.#stopTimer = undefined;
    this.start();
  }

  /** Resolves with how many events were removed. */
  async #clean(addresses: readonly LogAddress[]): Promise<number> {
    const { ageMs, idleMs, events, timeoutMs } = this.#options;
    const rows = await withClient(this.#options, (run) =>
      run(this.#statement, [
        ageMs,
        idleMs,
        events,
        eventsPerCleaning,
        addresses.map(({ topic }) => topic),
        addresses.map(({ key }) => key),
        Math.ceil(timeoutMs / 2),
      ]),
    );
    return Number(rows[0]?.[0] ?? 0);
  }
}

function toEntry(address: LogAddress): readonly [string, LogAddress] {
  return [address.name, address];
}
