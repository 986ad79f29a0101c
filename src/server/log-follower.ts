import type { EntryReader, SourceEntry } from '../broker/entry-reader.ts';
import type { SharableSource } from '../broker/sharable-source.ts';
import type { Position } from '../vocabulary.ts';
import type { ServerCore } from './core.ts';
import type { OperationRun } from './operation-run.ts';
import { isLoss, openWhenAvailable } from './resume/reopen.ts';
import type { ResumeMark, ResumeSubject } from './resume/resume-subject.ts';
import { eventsUnsaid } from './sharing/member-lane.ts';

/** A log that is open, and how far it was read. */
export interface OpenLog {
  readonly source: SharableSource;
  readonly reader: EntryReader;
  /** Strictly after it reading goes on; `undefined` for a log without positions. */
  readonly position: Position | undefined;
  /** `undefined` where nobody can resume. */
  readonly subject: ResumeSubject | undefined;
}

/** What became of an event; `passed`: it was not for this operation. */
export type Delivery = 'delivered' | 'passed';

/**
 * Reads a log for one operation, as fast as its client reads and others leave it turns of the event loop.
 *
 * @remarks
 * If events leave the log before they were read, reading goes on where it was if the broker still has them; otherwise behind them, and the operation
 * says so or ends.
 */
export class LogFollower {
  readonly #core: ServerCore;
  readonly #run: OperationRun;
  readonly #log: OpenLog;
  #reader: EntryReader;
  #position: Position | undefined;
  /** Events since the last one that was for the operation. */
  #unsaid = 0;

  constructor(core: ServerCore, run: OperationRun, log: OpenLog) {
    this.#core = core;
    this.#run = run;
    this.#log = log;
    this.#reader = log.reader;
    this.#position = log.position;
  }

  /** For whoever goes on where this one stands. */
  get reader(): EntryReader {
    return this.#reader;
  }

  get position(): Position | undefined {
    return this.#position;
  }

  /** Local index of the next event. */
  get nextIndex(): number {
    return this.#reader.nextIndex ?? 0;
  }

  /**
   * Delivers event by event until nothing follows.
   *
   * @param tryToLeave - asked between batches, with nothing under way; if it returns true, somebody else reads on from here
   * @returns whether that happened
   */
  async follow(
    deliver: (entry: SourceEntry) => Promise<Delivery>,
    tryToLeave: () => boolean = () => false,
  ): Promise<boolean> {
    while (!this.#run.hasEnded) {
      if (tryToLeave()) return true;
      const batch = await this.#read();
      if (batch === undefined) this.#run.complete();
      else await this.#deliverAll(batch, deliver);
    }
    return false;
  }

  async close(): Promise<void> {
    await this.#reader.close();
  }

  async #deliverAll(
    batch: readonly SourceEntry[],
    deliver: (entry: SourceEntry) => Promise<Delivery>,
  ): Promise<void> {
    for (const entry of batch) {
      const turn = this.#core.replays.turn();
      if (turn) await turn;
      if (this.#run.hasEnded) return;
      const delivery = await deliver(entry);
      if (this.#run.hasEnded) return;
      this.#position = entry.position;
      this.#note(delivery, entry);
      const room = delivery === 'delivered' ? this.#run.room() : undefined;
      if (room) await room;
    }
  }

  #note(delivery: Delivery, { position, publishedAt }: SourceEntry): void {
    this.#unsaid = delivery === 'delivered' ? 0 : this.#unsaid + 1;
    if (this.#unsaid < eventsUnsaid || !position) return;
    this.#unsaid = 0;
    this.#run.passed(this.#log.subject?.mark(position, publishedAt));
  }

  /** `undefined` at the end of the log. */
  async #read(): Promise<readonly SourceEntry[] | undefined> {
    try {
      return await this.#reader.read();
    } catch (error) {
      if (this.#run.hasEnded) return [];
      if (isLoss(error) && this.#position) await this.#goOnAfter(this.#position, error);
      else this.#fail(error);
      return [];
    }
  }

  async #goOnAfter(position: Position, loss: unknown): Promise<void> {
    const { source, subject } = this.#log;
    const reader = await this.#reopen(source, position);
    if (!reader) return;
    this.#reader = reader;
    if (reader.complete !== false) return;
    this.#position = reader.head;
    const mark: ResumeMark | undefined = reader.head && subject?.mark(reader.head);
    this.#run.lost({ mark, errors: [this.#mask(loss)] });
  }

  async #reopen(source: SharableSource, position: Position): Promise<EntryReader | undefined> {
    try {
      return await openWhenAvailable(
        () => source.log.open(position),
        () => !this.#run.hasEnded,
        this.#core.clock,
      );
    } catch (error) {
      this.#fail(error);
      return undefined;
    }
  }

  #fail(error: unknown): void {
    if (!this.#run.hasEnded) this.#run.fail([this.#mask(error)]);
  }

  #mask(error: unknown): ReturnType<ServerCore['masking']['error']> {
    return this.#core.masking.error(error, 'source', 'SOURCE_FAILED');
  }
}
