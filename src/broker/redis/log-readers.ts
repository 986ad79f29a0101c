import type { Position } from '../../vocabulary.ts';
import type { LogTailLimits } from '../log-tail.ts';
import type { EventCodec } from './codec.ts';
import type { RedisConnection } from './connection.ts';
import { compareIds, isEntryId } from './entry-id.ts';
import type { LogKeys } from './log-keys.ts';
import { RedisLog } from './redis-log.ts';
import { RedisReader } from './redis-reader.ts';
import { parseEntries, parseLogView } from './replies.ts';
import type { LogView } from './replies.ts';
import { lookScript } from './scripts.ts';
import type { SourceError } from '../../errors.ts';

/** What {@link RedisLogReaders} are made from. */
export interface RedisLogReadersOptions {
  readonly commands: RedisConnection;
  readonly limits: Required<LogTailLimits>;
  readonly idleMs: number;
  readonly codec: EventCodec;
  readonly createEpoch: () => string;
  readonly onInvalidEntry: (error: SourceError) => void;
  /** A log is read from now on that was not before. */
  readonly onLog: () => void;
}

/** The logs that have readers in this process, each held once however many those are. */
export class RedisLogReaders {
  readonly #options: RedisLogReadersOptions;
  readonly #logs = new Map<string, RedisLog>();
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
    const { epoch, lastId } = await this.#look(keys);
    return { epoch, offset: lastId };
  }

  async open(keys: LogKeys, after: Position | undefined): Promise<RedisReader> {
    for (;;) {
      const view = await this.#look(keys, after?.offset);
      const log = this.#retain(keys, view);
      try {
        await this.#catchUp(log, view.lastId);
        const index = await this.#findStart(log, view, after);
        if (!log.hasEnded || this.#state === 'ended') return this.#createReader(log, view, index);
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

  #createReader(log: RedisLog, view: LogView, index: number | undefined): RedisReader {
    const start = {
      complete: index !== undefined,
      index: index ?? log.indexAfter(view.lastId),
      earliest: view.firstId === undefined ? undefined : log.position(view.firstId),
      head: log.position(view.lastId),
    };
    return new RedisReader(log, start, {
      add: () => {
        log.users += 1;
        this.#readerCount += 1;
      },
      remove: () => {
        this.#readerCount -= 1;
        this.#release(log);
      },
    });
  }

  /** Where what follows `after` begins; `undefined` if something of that is missing. */
  async #findStart(
    log: RedisLog,
    view: LogView,
    after: Position | undefined,
  ): Promise<number | undefined> {
    if (after === undefined) return log.indexAfter(view.lastId);
    const { offset } = after;
    if (after.epoch !== log.epoch || !view.holdsRange) return undefined;
    const isHeld = () => compareIds(offset, log.floorId) >= 0;
    if (!isHeld()) await log.exclusive(() => this.#readHistory(log, offset));
    return isHeld() ? log.indexAfter(offset) : undefined;
  }

  /** Puts what stands between `after` and the tail into the tail, if it is all there and not too much. */
  async #readHistory(log: RedisLog, after: string): Promise<void> {
    const { floorId } = log;
    if (log.hasEnded || compareIds(after, floorId) >= 0) return;
    const { events } = this.#options.limits;
    const view = await this.#look(log.keys, after, { upTo: floorId, count: events + 1 });
    if (log.hasEnded || view.epoch !== log.epoch || !view.holdsRange) return;
    const held = log.tail.nextIndex - log.tail.firstIndex;
    // More than a log keeps, or the tail has let go of events meanwhile: then more than that follows as well.
    if (view.entries.length + held > events || log.floorId !== floorId) return;
    log.prepend(view.entries, after);
  }

  /** Reads up to what Redis had when it was looked at: what comes later is for the feed. */
  async #catchUp(log: RedisLog, lastId: string): Promise<void> {
    while (!log.hasEnded && compareIds(log.lastId, lastId) < 0) {
      const count = String(this.#options.limits.events + 1);
      const range = ['XRANGE', log.keys.stream, `(${log.lastId}`, '+', 'COUNT', count];
      const entries = parseEntries(
        await this.#options.commands.run({ args: range, repeat: 'until-answered' }),
      );
      if (entries.length === 0) return;
      log.append(entries);
    }
  }

  async #look(
    keys: LogKeys,
    after?: string,
    range: { readonly upTo: string; readonly count: number } = { upTo: '+', count: 0 },
  ): Promise<LogView> {
    const { commands, createEpoch, idleMs } = this.#options;
    const position = after !== undefined && isEntryId(after) ? after : '';
    const reply = await commands.run({
      repeat: 'until-answered',
      args: [
        'EVAL',
        lookScript,
        '2',
        keys.stream,
        keys.epoch,
        createEpoch(),
        String(idleMs),
      ].concat(position, range.upTo, String(range.count)),
    });
    return parseLogView(reply);
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
    const { limits, codec, onInvalidEntry, onLog } = this.#options;
    const log = new RedisLog({
      keys,
      epoch: view.epoch,
      lastId: view.lastId,
      added: view.added,
      firstIndex: this.#firstIndex,
      limits,
      codec,
      onInvalidEntry,
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
