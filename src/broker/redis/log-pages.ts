import type { Clock } from '../../vocabulary.ts';
import { compareIds } from '../remote/entry-id.ts';
import { bytesOf } from './answer-size.ts';
import type { LogLooks } from './log-looks.ts';
import type { RedisLog } from './redis-log.ts';
import type { StoredEntry } from './replies.ts';

/** What {@link LogPages} are made from. */
export interface LogPagesOptions {
  readonly looks: LogLooks;
  readonly clock: Clock;
  /** Called for a log that is not any more what it was. */
  readonly onLost: (log: RedisLog, why: string) => void;
}

/** Reads on where a log was read to, and makes sure that nothing was removed in between. */
export class LogPages {
  readonly #options: LogPagesOptions;
  /** Reading on that is under way. */
  readonly #reading = new Map<RedisLog, Promise<void>>();

  constructor(options: LogPagesOptions) {
    this.#options = options;
  }

  /** Reads up to an entry that Redis has, once for all who want that. */
  async reach(log: RedisLog, id: string): Promise<void> {
    while (!log.hasEnded && compareIds(log.lastId, id) < 0) {
      const { lastId } = log;
      const shared = this.#reading.get(log);
      await (shared ?? this.#start(log));
      // what another one began may have ended before this was asked
      if (!shared && log.lastId === lastId && !log.hasEnded)
        this.#options.onLost(log, 'the log in Redis ends before what it had');
    }
  }

  /**
   * Reads a page, which stands after `unread`.
   *
   * @param unread - what was read meanwhile; it is not certain that it follows without a gap
   */
  async readOn(log: RedisLog, unread: readonly StoredEntry[] = []): Promise<void> {
    const { looks, onLost } = this.#options;
    const { lastId, added } = log;
    const after = unread.at(-1)?.id ?? lastId;
    const count = log.pageSize.count;
    const view = await looks.page(log.keys, { after, upTo: '+', count, known: lastId });
    const [holdsKnown = false] = view.held;
    const loss = log.findLoss({ ...view, holdsKnown }, lastId, added);
    if (loss !== undefined) return onLost(log, loss);
    log.pageSize.adapt(view.entries.length, bytesOf(view.entries));
    await this.append([[log, [...unread, ...view.entries]]]);
    // entries may be missing at the end of a log as well, where somebody removed them
    if (view.entries.length < count) log.skipTo(view.lastId, view.added);
  }

  /** Adds to several logs; whoever reads gets its turn in between. Resolves once everything is there. */
  async append(parts: readonly LogPart[]): Promise<void> {
    let rest = parts;
    while (rest.length > 0) {
      rest = rest.flatMap(([log, entries]): readonly LogPart[] => {
        const others = log.append(entries);
        return others.length > 0 ? [[log, others]] : [];
      });
      if (rest.length > 0) await this.#options.clock.turn();
    }
  }

  #start(log: RedisLog): Promise<void> {
    const reading = this.readOn(log).finally(() => this.#reading.delete(log));
    this.#reading.set(log, reading);
    return reading;
  }
}

/** A log and what follows in it. */
export type LogPart = readonly [log: RedisLog, entries: readonly StoredEntry[]];
