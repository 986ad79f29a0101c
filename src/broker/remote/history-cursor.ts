import { SourceError } from '../../errors.ts';
import type { HistoryPage } from './log-history.ts';
import type { RemoteEntry, RemoteLog } from './remote-log.ts';

/** One reader's place before the tail of a log, until it is level with that. */
export class HistoryCursor {
  readonly #log: RemoteLog;
  #afterId: string;
  #next: number;
  #isClosed = false;
  /** Ends a pending read. */
  #close: (() => void) | undefined;

  constructor(log: RemoteLog, afterId: string, nextIndex: number) {
    this.#log = log;
    this.#afterId = afterId;
    this.#next = nextIndex;
    log.history.enter();
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Index of the next entry that is read. */
  get nextIndex(): number {
    return this.#next;
  }

  /** What follows is in the tail. */
  get isLevel(): boolean {
    return !this.#isClosed && this.#log.holdsAfter(this.#afterId);
  }

  /** The next entries, at least one; `undefined` once the place is level with the tail, or once closed. */
  async read(): Promise<readonly RemoteEntry[] | undefined> {
    while (!this.#isClosed && !this.isLevel) {
      const page = await this.#nextPage();
      if (this.#isClosed) return undefined;
      if (page === undefined) return this.#fail();
      this.#afterId = page.lastId;
      this.#next += page.entries.length;
      if (page.entries.length > 0) return page.entries;
    }
    return undefined;
  }

  /** Ends a pending read. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#log.history.leave();
    this.#close?.();
  }

  /** Not a race with a promise that lives as long as this: that would keep each page. */
  #nextPage(): Promise<HistoryPage | undefined> {
    return new Promise((resolve, reject) => {
      this.#close = () => resolve(undefined);
      this.#log.history.nextPage(this.#afterId).then(resolve, reject);
    });
  }

  #fail(): undefined {
    this.close();
    const { end } = this.#log.tail;
    if (end?.kind === 'completed') return undefined;
    throw end?.kind === 'failed'
      ? end.error
      : new SourceError('EVENTS_LOST', 'events left the log before this reader had read them');
  }
}
