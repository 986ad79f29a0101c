import type { Position } from '../../vocabulary.ts';
import { compareIds } from './entry-id.ts';
import type { RemoteLog } from './remote-log.ts';
import { RemoteReader } from './remote-reader.ts';
import type { RemoteReadStart } from './remote-reader.ts';

/** A log as it was at one moment after somebody asked. */
export interface LogLook {
  readonly epoch: string;
  readonly lastId: string;
  /** The oldest event; `undefined` if there is none. */
  readonly firstId: string | undefined;
  /** Everything after the position that was asked about is held; `false` without one. */
  readonly isHeld: boolean;
}

/** What {@link RemoteLogReaders} are made from. */
export interface RemoteLogReadersOptions<Address, Look extends LogLook, Log extends RemoteLog> {
  /** No two logs share one. */
  readonly nameOf: (address: Address) => string;
  /** Whether it can be the offset of a position. */
  readonly isId: (offset: string) => boolean;
  readonly look: (address: Address, id?: string) => Promise<Look>;
  /** The log as it was seen. */
  readonly create: (address: Address, look: Look, firstIndex: number) => Log;
  /** Resolves once the log holds what was published up to `id`, which is stored, or has ended. */
  readonly reach: (log: Log, id: string) => Promise<void>;
  /**
   * Called before a look, where what is published from then on has to be kept for {@link RemoteLogReadersOptions.create}. What it gives is
   * called once the log is among those that are read.
   */
  readonly expect?: (address: Address) => Promise<() => void>;
  /** A log is read from now on that was not before. */
  readonly onLog: (log: Log) => void;
  /** Events that are replayed at most. */
  readonly events: number;
}

/** The logs that have readers in this process, each held once however many those are. */
export class RemoteLogReaders<Address, Look extends LogLook, Log extends RemoteLog> {
  readonly #options: RemoteLogReadersOptions<Address, Look, Log>;
  readonly #logs = new Map<string, Log>();
  #readerCount = 0;
  /** Begins where no log ever was: a group that reads a lost log must not be taken for one that reads its successor. */
  #firstIndex = 0;
  #state: 'open' | 'ended' = 'open';

  constructor(options: RemoteLogReadersOptions<Address, Look, Log>) {
    this.#options = options;
  }

  /** By their names. */
  get logs(): ReadonlyMap<string, Log> {
    return this.#logs;
  }

  get readerCount(): number {
    return this.#readerCount;
  }

  async head(address: Address): Promise<Position> {
    const look = await this.#options.look(address);
    return { epoch: look.epoch, offset: look.lastId };
  }

  async open(address: Address, after: Position | undefined): Promise<RemoteReader> {
    const release = await this.#options.expect?.(address);
    try {
      return await this.#open(address, after);
    } finally {
      release?.();
    }
  }

  /** Nothing of `log` can be trusted any more. */
  lose(log: Log, why: string): void {
    log.lose(why);
    this.#forget(log);
  }

  /** Readers end after what is there. */
  end(): void {
    this.#state = 'ended';
    for (const log of this.#logs.values()) log.tail.complete();
    this.#logs.clear();
  }

  async #open(address: Address, after: Position | undefined): Promise<RemoteReader> {
    const { isId, look: lookAt } = this.#options;
    const asked = after !== undefined && isId(after.offset) ? after : undefined;
    for (;;) {
      const look = await lookAt(address, asked?.offset);
      const log = this.#retain(address, look);
      try {
        const resumed = asked && (await this.#findPlace(log, look, asked));
        const start = resumed ?? (await this.#findHead(log, look));
        const complete = after === undefined || resumed !== undefined;
        if (this.#state === 'ended' || (start && !log.hasEnded))
          return this.#createReader(log, look, { complete, ...(start ?? endOf(log)) });
      } finally {
        this.#release(log);
      }
    }
  }

  #createReader(
    log: Log,
    { firstId, lastId }: Look,
    start: Pick<RemoteReadStart, 'complete' | 'afterId' | 'index'>,
  ): RemoteReader {
    const held = {
      earliest: firstId === undefined ? undefined : log.position(firstId),
      head: log.position(lastId),
    };
    return new RemoteReader(
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
  async #findPlace(log: Log, look: Look, after: Position): Promise<LogPlace | undefined> {
    const { epoch, offset } = after;
    if (epoch !== log.epoch || !look.isHeld) return undefined;
    if (compareIds(offset, log.lastId) > 0) await this.#options.reach(log, look.lastId);
    return this.#placeAfter(log, offset);
  }

  /** `undefined` if what follows has left meanwhile. */
  async #findHead(log: Log, { lastId }: Look): Promise<LogPlace | undefined> {
    await this.#options.reach(log, lastId);
    return this.#placeAfter(log, lastId);
  }

  async #placeAfter(log: Log, afterId: string): Promise<LogPlace | undefined> {
    const index = await log.history.indexAfter(afterId);
    return index === undefined ? undefined : { afterId, index };
  }

  /** The log as it was seen; to be released. */
  #retain(address: Address, look: Look): Log {
    const name = this.#options.nameOf(address);
    const known = this.#logs.get(name);
    if (known !== undefined && known.epoch !== look.epoch)
      this.lose(known, 'the log is another one than before');
    const log = this.#logs.get(name) ?? this.#create(address, look);
    log.users += 1;
    return log;
  }

  #create(address: Address, look: Look): Log {
    const log = this.#options.create(address, look, this.#firstIndex);
    if (this.#state === 'ended') {
      log.tail.complete();
      return log;
    }
    this.#logs.set(log.name, log);
    this.#options.onLog(log);
    return log;
  }

  #release(log: Log): void {
    log.users -= 1;
    if (log.users === 0) this.#forget(log);
  }

  #forget(log: Log): void {
    if (this.#logs.get(log.name) !== log) return;
    this.#logs.delete(log.name);
    this.#firstIndex = Math.max(this.#firstIndex, log.tail.nextIndex + this.#options.events + 1);
  }
}

type LogPlace = Pick<RemoteReadStart, 'afterId' | 'index'>;

function endOf(log: RemoteLog): LogPlace {
  return { afterId: log.lastId, index: log.tail.nextIndex };
}
