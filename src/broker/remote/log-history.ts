import type { Clock } from '../../vocabulary.ts';
import { compareIds } from './entry-id.ts';
import type { RemoteEntry, RemoteLog } from './remote-log.ts';
import type { Turnstile } from './turnstile.ts';

/** What a {@link LogHistory} is made from. */
export interface LogHistoryOptions {
  readonly log: RemoteLog;
  /** Bounds what surveys of all logs hold. */
  readonly surveys: Turnstile;
  readonly clock: Clock;
  /** Events that are replayed at most. */
  readonly events: number;
}

/** Which part of a log is wanted. */
export interface PageRequest {
  /** The entries stand after this one. */
  readonly after: string;
  /** The last entry that is wanted. */
  readonly upTo: string;
}

/** Entries that follow each other without a gap. */
export interface HistoryPage {
  readonly entries: readonly RemoteEntry[];
  /** Everything up to this one is on the page. */
  readonly lastId: string;
}

/** Events that one reader gets at once. */
const batchEvents = 128;

/** Between attempts to read while the log is out of reach. */
const pauseMs = 200;

/** Pages that are kept for others who read the same. */
const keptPages = 8;

/**
 * What is stored of a log before its tail.
 *
 * @remarks
 * What fits into the tail is put there, so that it is read once. What does not fit is read page by page by whoever wants it; all that is
 * kept of it is where pages begin, with the numbers that their first events have.
 */
export class LogHistory {
  readonly #options: LogHistoryOptions;
  #users = 0;
  /** The survey that has not begun: from the earliest position that somebody asked for. */
  #planned: PlannedSurvey | undefined;
  #work: Promise<unknown> = Promise.resolve();
  /** Before this one too much follows. */
  #tooFarId = '0';
  /** In the order of the log. */
  #marks: readonly Mark[] = [];
  /** By the ids after which they begin, in the order in which they were read. */
  readonly #pages = new Map<string, Promise<HistoryPage | undefined>>();

  constructor(options: LogHistoryOptions) {
    this.#options = options;
  }

  /** Somebody will read pages, until {@link LogHistory.leave}. */
  enter(): void {
    this.#users += 1;
  }

  leave(): void {
    this.#users -= 1;
    if (this.#users === 0) this.#pages.clear();
  }

  /** The index of the first event after `id`; `undefined` if something after it is missing, or too much follows. */
  async indexAfter(id: string): Promise<number | undefined> {
    const { log, events } = this.#options;
    this.enter();
    try {
      const index = log.holdsAfter(id) ? log.indexAfter(id) : await this.#findIndex(id);
      return index === undefined || log.tail.nextIndex - index > events ? undefined : index;
    } finally {
      this.leave();
    }
  }

  /**
   * What follows `id`, which stands before the tail; `undefined` if something of that is missing, or if the log has ended.
   *
   * @remarks
   * Waits for as long as the log is out of reach.
   */
  async nextPage(id: string): Promise<HistoryPage | undefined> {
    const { log, clock } = this.#options;
    // whoever asks is a user; nobody ends a log that has none
    while (!log.hasEnded && this.#users > 0) {
      try {
        return await this.#pageAfter(id);
      } catch {
        // the connection says so, and the check on its return finds out what is gone
        await new Promise<void>((resume) => clock.schedule(resume, pauseMs));
      }
    }
    return undefined;
  }

  async #pageAfter(id: string): Promise<HistoryPage | undefined> {
    const start = this.#markBefore(id)?.id ?? id;
    const shared = await this.#sharedPage(start);
    const isOfUse = shared !== undefined && compareIds(shared.lastId, id) > 0;
    // what begins earlier may be gone already, or end too early
    const page = isOfUse || start === id ? shared : await this.#sharedPage(id);
    if (page === undefined) return undefined;
    const first = page.entries.findIndex((entry) => compareIds(entry.id, id) > 0);
    if (first === -1) return { entries: [], lastId: page.lastId };
    const entries = page.entries.slice(first, first + batchEvents);
    const isRest = first + entries.length === page.entries.length;
    return { entries, lastId: (isRest ? undefined : entries.at(-1)?.id) ?? page.lastId };
  }

  async #findIndex(id: string): Promise<number | undefined> {
    const { log } = this.#options;
    while (!log.hasEnded && compareIds(id, this.#tooFarId) >= 0) {
      const mark = this.#markBefore(id);
      const index = mark && (await this.#countTo(id, mark));
      if (index !== undefined) return index;
      // what begins there is not held any more, and nothing before it
      if (mark) this.#marks = this.#marks.filter((each) => compareIds(each.id, mark.id) > 0);
      const surveyed = await this.#surveyFrom(id);
      if (log.holdsAfter(id)) return log.indexAfter(id);
      if (surveyed === id && this.#markBefore(id) === undefined) return undefined;
    }
    return undefined;
  }

  async #countTo(id: string, mark: Mark): Promise<number | undefined> {
    let { id: lastId, index } = mark;
    while (compareIds(lastId, id) < 0) {
      const page = await this.#sharedPage(lastId);
      if (page === undefined) return undefined;
      index += page.entries.filter((entry) => compareIds(entry.id, id) <= 0).length;
      ({ lastId } = page);
    }
    return index;
  }

  /** Surveys once for all who ask before it begins; resolves with where it began. */
  #surveyFrom(id: string): Promise<string> {
    if (this.#planned !== undefined) {
      if (compareIds(id, this.#planned.from) < 0) this.#planned.from = id;
      return this.#planned.done;
    }
    const done = this.#work.then(async () => {
      const from = this.#planned?.from ?? id;
      this.#planned = undefined;
      const isKnown = this.#options.log.holdsAfter(from) || this.#markBefore(from) !== undefined;
      if (!isKnown) await this.#options.surveys.pass(() => this.#survey(from));
      return from;
    });
    this.#planned = { from: id, done };
    this.#work = done.catch(() => undefined); // whoever asked is told
    return done;
  }

  /** Reads from `id` to what is known; does nothing if something is missing. */
  async #survey(id: string): Promise<void> {
    const { log, events } = this.#options;
    const found = new Survey(log);
    let lastId = id;
    for (let goal = this.#goal(id); compareIds(lastId, goal.id) < 0; goal = this.#goal(id)) {
      const page = await log.readPage({ after: lastId, upTo: goal.id });
      if (page === undefined) return;
      found.add(lastId, page);
      this.#tooFarId = found.idBeforeLast(events) ?? this.#tooFarId;
      if (found.events > 2 * events) return;
      ({ lastId } = page);
    }
    const { index } = this.#goal(id);
    if (lastId === log.floorId) log.prepend(found.entries);
    if (!log.holdsAfter(id)) this.#keep(found.numberedTo(index));
  }

  #keep(marks: readonly Mark[]): void {
    const { log, events } = this.#options;
    this.#marks = [...this.#marks, ...marks]
      .filter(({ index }) => log.tail.nextIndex - index <= events)
      .toSorted((one, other) => compareIds(one.id, other.id));
  }

  /** The first place from `id` on whose number is known. */
  #goal(id: string): Mark {
    const { log } = this.#options;
    const mark = this.#marks.find((each) => compareIds(each.id, id) >= 0);
    const isBeforeTail = mark !== undefined && !log.holdsAfter(mark.id);
    return isBeforeTail ? mark : { id: log.floorId, index: log.tail.firstIndex };
  }

  #markBefore(id: string): Mark | undefined {
    return this.#marks.findLast((mark) => compareIds(mark.id, id) <= 0);
  }

  #sharedPage(after: string): Promise<HistoryPage | undefined> {
    const { log } = this.#options;
    const known = this.#pages.get(after);
    if (known !== undefined) return known;
    const next = this.#marks.find((mark) => compareIds(mark.id, after) > 0);
    const page = log.readPage({ after, upTo: next?.id ?? log.lastId });
    const forget = () => {
      if (this.#pages.get(after) === page) this.#pages.delete(after);
    };
    page.then((read) => read ?? forget(), forget); // whoever asked is told
    this.#pages.set(after, page);
    for (const id of this.#pages.keys()) {
      if (this.#pages.size <= keptPages) break;
      this.#pages.delete(id);
    }
    return page;
  }
}

/** A place in a log, and the index of the first event after it. */
interface Mark {
  readonly id: string;
  readonly index: number;
}

interface PlannedSurvey {
  from: string;
  readonly done: Promise<string>;
}

/** What was found between two places of a log. */
class Survey {
  readonly #mostBytes: number;
  /** Where pages begin, with the numbers of the events that were found before. */
  readonly #marks: Mark[] = [];
  readonly #entries: RemoteEntry[] = [];
  #bytes = 0;
  #events = 0;

  constructor(log: RemoteLog) {
    this.#mostBytes = log.limits.bytes;
  }

  get events(): number {
    return this.#events;
  }

  /** The last ones, as far as a tail could hold them. */
  get entries(): readonly RemoteEntry[] {
    return this.#entries;
  }

  add(after: string, { entries }: HistoryPage): void {
    this.#marks.push({ id: after, index: this.#events });
    this.#events += entries.length;
    this.#entries.push(...entries);
    for (const { bytes } of entries) this.#bytes += bytes;
    let superfluous = 0;
    while (this.#bytes > this.#mostBytes && superfluous < this.#entries.length) {
      this.#bytes -= this.#entries[superfluous]?.bytes ?? 0;
      superfluous += 1;
    }
    this.#entries.splice(0, superfluous);
  }

  /** The last place that is followed by more than `events`; `undefined` if nothing was found before that. */
  idBeforeLast(events: number): string | undefined {
    return this.#marks.findLast(({ index }) => this.#events - index > events)?.id;
  }

  /** Where pages begin, if what follows everything that was found has the number `index`. */
  numberedTo(index: number): readonly Mark[] {
    const first = index - this.#events;
    return this.#marks.map((mark) => ({ id: mark.id, index: first + mark.index }));
  }
}
