import type { Clock } from '../../vocabulary.ts';
import { isWrongType } from './connection.ts';
import type { RedisConnection } from './connection.ts';
import type { LogKeys } from './log-keys.ts';
import type { RedisLog } from './redis-log.ts';
import { parseLogCheck } from './replies.ts';
import type { LogCheck } from './replies.ts';
import { checkScript } from './scripts.ts';

/** What a {@link RedisWatch} is made from. */
export interface RedisWatchOptions {
  readonly commands: RedisConnection;
  readonly clock: Clock;
  /** By the names of their streams. */
  readonly logs: ReadonlyMap<string, RedisLog>;
  readonly checkMs: number;
  /** How long a log may stay unused. */
  readonly idleMs: number;
  readonly createEpoch: () => string;
  /** Called for a log that is not any more what it was. */
  readonly onLost: (log: RedisLog, why: string) => void;
}

/** Logs whose last publication is remembered. */
const publishedLogs = 1_000;

/** Checks that find a publication before it counts as safe: a failover loses what is young. */
const checksUntilSafe = 2;

/** Compares logs in Redis with what this process knows of them, now and then. */
export class RedisWatch {
  readonly #options: RedisWatchOptions;
  /** The last publication to each log, the least recent first. */
  readonly #published = new Map<string, Publication>();
  #stopTimer: (() => void) | undefined;
  #isClosed = false;

  constructor(options: RedisWatchOptions) {
    this.#options = options;
  }

  /** An event was accepted, so the log must have it, or something later. */
  remember(keys: LogKeys, epoch: string, id: string): void {
    this.#published.delete(keys.stream);
    this.#published.set(keys.stream, { keys, epoch, id, checks: 0 });
    for (const name of this.#published.keys()) {
      if (this.#published.size <= publishedLogs) break;
      this.#published.delete(name);
    }
    this.start();
  }

  /** Checks again and again for as long as there is something to check. */
  start(): void {
    if (this.#stopTimer !== undefined || this.#isClosed) return;
    this.#stopTimer = this.#options.clock.schedule(() => {
      void this.#checkInTime(); // never rejects
    }, this.#options.checkMs);
  }

  /** Redis was away: what was published before may be gone. */
  checkAfterReturn(): void {
    void this.check().catch(() => undefined); // away again: the next return, or the next time, will do
  }

  /** Rejects if Redis does not answer. */
  async check(): Promise<void> {
    // Sent first: where a publication is found to be missing, the log has another epoch, which readers then notice.
    const publications = [...this.#published.values()].map((publication) =>
      this.#checkPublication(publication),
    );
    const logs = [...this.#options.logs.values()].map((log) => this.#checkLog(log));
    await Promise.all([...publications, ...logs]);
  }

  close(): void {
    this.#isClosed = true;
    this.#stopTimer?.();
    this.#published.clear();
  }

  async #checkInTime(): Promise<void> {
    try {
      await this.check();
    } catch {
      // Redis is away: the connection says so, and the logs are checked once it is back
    }
    this.#stopTimer = undefined;
    if (this.#options.logs.size > 0 || this.#published.size > 0) this.start();
  }

  async #checkPublication(publication: Publication): Promise<void> {
    const { keys, epoch, id } = publication;
    const check = await this.#ask(keys, id);
    if (check?.epoch === epoch) publication.checks += 1;
    if (check?.epoch === epoch && publication.checks < checksUntilSafe) return;
    if (this.#published.get(keys.stream) === publication) this.#published.delete(keys.stream);
  }

  async #checkLog(log: RedisLog): Promise<void> {
    const { lastId, added } = log;
    const check = await this.#ask(log.keys, lastId);
    const loss = check
      ? log.findLoss(check, lastId, added)
      : 'the log in Redis is no stream any more';
    if (loss !== undefined) this.#options.onLost(log, loss);
  }

  /** `undefined` if there is something else in place of the log. */
  async #ask(keys: LogKeys, knownId: string): Promise<LogCheck | undefined> {
    try {
      return parseLogCheck(await this.#runCheck(keys, knownId));
    } catch (error) {
      if (isWrongType(error)) return undefined;
      throw error;
    }
  }

  #runCheck(keys: LogKeys, knownId: string): Promise<unknown> {
    const { commands, createEpoch, idleMs } = this.#options;
    return commands.run({
      repeat: 'until-answered',
      args: [
        'EVAL',
        checkScript,
        '2',
        keys.stream,
        keys.epoch,
        createEpoch(),
        String(idleMs),
        knownId,
      ],
    });
  }
}

interface Publication {
  readonly keys: LogKeys;
  readonly epoch: string;
  readonly id: string;
  checks: number;
}
