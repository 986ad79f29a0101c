import { never } from '../../vocabulary.ts';
import type { Clock, Instant } from '../../vocabulary.ts';
import { AnswerSize } from './answer-size.ts';
import { zeroId } from './entry-id.ts';
import { isWrongType } from './connection.ts';
import type { RedisConnection } from './connection.ts';
import type { LogPages, LogPart } from './log-pages.ts';
import type { RedisLog } from './redis-log.ts';
import { parseStreams } from './replies.ts';

/** What a {@link RedisFeed} is made from. */
export interface RedisFeedOptions {
  /** Blocks, so nothing else can use it. */
  readonly connection: RedisConnection;
  /** For whatever does not block. */
  readonly commands: RedisConnection;
  readonly clock: Clock;
  /** By the names of their streams. */
  readonly logs: ReadonlyMap<string, RedisLog>;
  /** A stream of this process alone. */
  readonly wakeKey: string;
  /** How long one read blocks at most. */
  readonly blockMs: number;
  readonly timeoutMs: number;
  readonly pages: LogPages;
  /** Events that a log keeps at least. */
  readonly events: number;
  /** An absence for this long may have cost events; longer than two reads that block for {@link RedisFeedOptions.blockMs}. */
  readonly ageMs: number;
  /** Finds the logs that are not any more what they were. */
  readonly check: () => Promise<void>;
}

/** How long a stream that is for waking is kept without use. */
const wakeKeptMs = 60_000;

/** Reads all logs with one blocking command at a time. */
export class RedisFeed {
  readonly #options: RedisFeedOptions;
  readonly #answerSize: AnswerSize;
  #state: 'idle' | 'running' | 'closed' = 'idle';
  #wakeId = zeroId;
  /** When the last read was begun. */
  #askedAt: Instant = never;
  #wake: 'none' | 'possible' | 'sent' = 'none';
  /** The session of the connection in which the logs are what they were; for the first one nothing has to be done. */
  #trustedSession: number | undefined = 1;

  constructor(options: RedisFeedOptions) {
    this.#options = options;
    this.#answerSize = new AnswerSize(options.events);
  }

  /** Takes in a log that was added: what is blocking is woken. */
  include(): void {
    if (this.#state === 'idle') {
      this.#state = 'running';
      void this.#run(); // never rejects
      return;
    }
    if (this.#wake !== 'possible') return;
    this.#wake = 'sent';
    void this.#sendWake();
  }

  /** Resolves once nothing in Redis belongs to this process any more. */
  async close(): Promise<void> {
    const { commands, connection, wakeKey } = this.#options;
    this.#state = 'closed';
    connection.destroy();
    if (!commands.isReady || this.#wakeId === zeroId) return;
    // it would expire anyway
    await commands.run({ args: ['DEL', wakeKey] }).catch(() => undefined);
  }

  /** Ends when there is nothing to read any more. */
  async #run(): Promise<void> {
    while (this.#state === 'running') {
      if (this.#options.logs.size === 0) {
        this.#state = 'idle';
        this.#askedAt = never;
        return;
      }
      try {
        await this.#readOnce();
      } catch (error) {
        await this.#recover(error);
      }
    }
  }

  async #recover(error: unknown): Promise<void> {
    // An answer that is an error would be the same again at once; a connection that is lost is being made again.
    this.#options.connection.renew(error);
    if (!isWrongType(error)) return;
    try {
      // One key that holds something else must not keep all others from being read.
      await this.#options.check();
    } catch {
      // all are read again in any case
    }
  }

  async #readOnce(): Promise<void> {
    const { connection, clock, logs } = this.#options;
    const asked = [...logs];
    // not before the last one was asked could it have been answered
    const lastAskedAt = this.#askedAt;
    this.#askedAt = clock.now();
    const count = this.#answerSize.entriesOf(asked.length);
    const pending = connection.run(this.#command(asked, count));
    this.#wake = 'possible';
    const reply = await pending.finally(() => {
      this.#wake = 'none';
    });
    // this process did nothing for so long that what came after the answer may have been removed
    if (clock.now() - Math.min(lastAskedAt, this.#askedAt) > this.#options.ageMs)
      this.#trustedSession = undefined;
    if (this.#trustedSession !== connection.sessions) await this.#checkAfterReturn();
    await this.#deliver(parseStreams(reply), new Map(asked), count);
  }

  /** Redis may have restarted, or be another one, since the connection was there before. */
  async #checkAfterReturn(): Promise<void> {
    const { connection, check } = this.#options;
    const session = connection.sessions;
    await check();
    this.#wakeId = zeroId;
    this.#trustedSession = session;
  }

  #command(asked: readonly (readonly [string, RedisLog])[], count: number) {
    const { blockMs, timeoutMs, wakeKey } = this.#options;
    return {
      args: ['XREAD', 'COUNT', String(count), 'BLOCK', String(blockMs), 'STREAMS', wakeKey].concat(
        asked.map(([name]) => name),
        this.#wakeId,
        asked.map(([, log]) => log.lastId),
      ),
      timeoutMs: blockMs + timeoutMs,
    };
  }

  async #deliver(
    streams: ReturnType<typeof parseStreams>,
    asked: ReadonlyMap<string, RedisLog>,
    count: number,
  ): Promise<void> {
    const { logs, pages, wakeKey } = this.#options;
    const whole: LogPart[] = [];
    const readingOn: Promise<void>[] = [];
    for (const [name, entries] of streams) {
      if (name === wakeKey) this.#wakeId = entries.at(-1)?.id ?? this.#wakeId;
      const log = logs.get(name);
      // a log that was made anew meanwhile begins elsewhere
      if (log === undefined || log !== asked.get(name)) continue;
      this.#answerSize.adapt(entries);
      // Where as much as a log keeps may follow, something may have been removed before.
      if (entries.length === count) readingOn.push(pages.readOn(log, entries));
      else whole.push([log, entries]);
    }
    await Promise.all([pages.append(whole), ...readingOn]);
  }

  async #sendWake(): Promise<void> {
    const { commands, wakeKey } = this.#options;
    try {
      await Promise.all([
        commands.run({ args: ['XADD', wakeKey, 'MAXLEN', '1', '*', 'wake', ''] }),
        commands.run({ args: ['PEXPIRE', wakeKey, String(wakeKeptMs)] }),
      ]);
    } catch {
      // the read ends by itself before long
    }
  }
}
