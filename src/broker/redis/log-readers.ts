import type { SourceError } from '../../errors.ts';
import type { Clock, Position } from '../../vocabulary.ts';
import type { LogTailLimits } from '../log-tail.ts';
import type { EventCodec } from './codec.ts';
import { compareIds, isEntryId } from './entry-id.ts';
import type { LogKeys } from './log-keys.ts';
import type { LogLooks, Look } from './log-looks.ts';
import type { LogPages } from './log-pages.ts';
import { RedisLog } from './redis-log.ts';
import { RedisReader } from './redis-reader.ts';
import type { RedisReadStart } from './redis-reader.ts';
import type { LogView } from './replies.ts';
import { Turnstile } from './turnstile.ts';

/** What {@link RedisLogReaders} are made from. */
export interface RedisLogReadersOptions {
  readonly looks: LogLooks;
  readonly pages: LogPages;
  readonly clock: Clock;
  readonly limits: Required<LogTailLimits>;
  readonly codec: EventCodec;
  readonly onInvalidEntry: (error: SourceError) => void;
  /** A log is read from now on that was not before. */
  readonly onLog: () => void;
}

/** Logs whose past is read from Redis at the same time. */
const surveysAtOnce = 8;

/** The logs that have readers in this process, each held once however many those are. */
export class RedisLogReaders {
  readonly #options: RedisLogReadersOptions;
  readonly #logs = new Map<string, RedisLog>();
  readonly #surveys = new Turnstile(surveysAtOnce);
  #readerCount = 0;
  /** Begins where no log ever was: a group that reads a lost log must not be taken for one that reads its successor. */
  #firstIndex = 0;
  #state: 'open' | 'ended' = 'open';

  constructor(options: RedisLogReadersOptions) {
    this.#options = options;
  }

  get logs(): ReadonlyMap<string, RedisLog> {
    return this.#logs;
  }

  get readerCount(): number {
    return this.#readerCount;
  }

  async head(keys: LogKeys): Promise<Position> {
    const { view } = await this.#options.looks.look(keys);
    return { epoch: view.epoch, offset: view.lastId };
  }

  async open(keys: LogKeys, after: Position | undefined): Promise<RedisReader> {
    const asked = after !== undefined && isEntryId(after.offset) ? after : undefined;
    for (;;) {
      const look = await this.#options.looks.look(keys, asked?.offset);
      const log = this.#retain(keys, look.view);
      try {
        const resumed = asked && (await this.#findPlace(log, look, asked));
        const start = resumed ?? (await this.#findHead(log, look.view));
        const complete = after === undefined || resumed !== undefined;
        if (this.#state === 'ended' || (start && !log.hasEnded))
          return this.#createReader(log, look.view, { complete, ...(start ?? endOf(log)) });
      } finally {
        this.#release(log);
      }
    }
  }

  /** Nothing of `log` can be trusted any more. */
  lose(log: RedisLog, why: string): void {
    log.lose(why);
    this.#forget(log);
  }

  /** Readers end after what is there. */
  end(): void {
    this.#state = 'ended';
    for (const log of this.#logs.values()) log.tail.complete();
    this.#logs.clear();
  }

  #createReader(
    log: RedisLog,
    { firstId, lastId }: LogView,
    start: Pick<RedisReadStart, 'complete' | 'afterId' | 'index'>,
  ): RedisReader {
    const held = {
      earliest: firstId === undefined ? undefined : log.position(firstId),
      head: log.position(lastId),
    };
    return new RedisReader(
      log,
      { ...start, ...held },
      {
        add: () => {
          log.users += 1;
          this.#readerCount += 1;
        },
        remove: () => {
          this.#readerCount -= 1;
          this.#release(log);
        },
      },
    );
  }

  /** `undefined` if something after `after` is missing, or too much follows. */
  async #findPlace(log: RedisLog, look: Look, after: Position): Promise<LogPlace | undefined> {
    const { epoch, offset } = after;
    if (epoch !== log.epoch || !look.isHeld) return undefined;
    if (compareIds(offset, log.lastId) > 0) await this.#options.pages.reach(log, look.view.lastId);
    return this.#placeAfter(log, offset);
  }

  /** `undefined` if what follows has left meanwhile. */
  async #findHead(log: RedisLog, { lastId }: LogView): Promise<LogPlace | undefined> {
    await this.#options.pages.reach(log, lastId);
    return this.#placeAfter(log, lastId);
  }

  async #placeAfter(log: RedisLog, afterId: string): Promise<LogPlace | undefined> {
    const index = await log.history.indexAfter(afterId);
    return index === undefined ? undefined : { afterId, index };
  }

  /** The log as it was seen; to be released. */
  #retain(keys: LogKeys, view: LogView): RedisLog {
    const known = this.#logs.get(keys.stream);
    if (known !== undefined && known.epoch !== view.epoch)
      this.lose(known, 'the log in Redis is another one than before');
    const log = this.#logs.get(keys.stream) ?? this.#create(keys, view);
    log.users += 1;
    return log;
  }

  #create(keys: LogKeys, view: LogView): RedisLog {
    const { looks, clock, limits, codec, onInvalidEntry, onLog } = this.#options;
    const surveys = this.#surveys;
    const log = new RedisLog({
      keys,
      epoch: view.epoch,
      lastId: view.lastId,
      added: view.added,
      firstIndex: this.#firstIndex,
      limits,
      codec,
      onInvalidEntry,
      looks,
      surveys,
      clock,
    });
    if (this.#state === 'ended') {
      log.tail.complete();
      return log;
    }
    this.#logs.set(keys.stream, log);
    onLog();
    return log;
  }

  #release(log: RedisLog): void {
    log.users -= 1;
    if (log.users === 0) this.#forget(log);
  }

  #forget(log: RedisLog): void {
    if (this.#logs.get(log.keys.stream) !== log) return;
    this.#logs.delete(log.keys.stream);
    this.#firstIndex = Math.max(
      this.#firstIndex,
      log.tail.nextIndex + this.#options.limits.events + 1,
    );
  }
}

type LogPlace = Pick<RedisReadStart, 'afterId' | 'index'>;

function endOf(log: RedisLog): LogPlace {
  return { afterId: log.lastId, index: log.tail.nextIndex };
}
