import type { EntryReader, SourceEntry } from '../../broker/entry-reader.ts';
import type { SharableLog } from '../../broker/sharable-source.ts';
import type { Clock, Position } from '../../vocabulary.ts';
import { isLoss, openWhenAvailable } from '../resume/reopen.ts';
import type { ResultText } from '../result-text.ts';
import type { EventOutcome } from './group-executor.ts';
import type { EventRun, GroupMember } from './group-member.ts';
import type { ReadyGroups } from './ready-groups.ts';
import type { SourceEnd } from './recipient.ts';
import type { SharedEvent } from './shared-event.ts';
import type { SharedResults } from './shared-results.ts';
import type { TurnCount } from './turn-budget.ts';
import { TurnBudget } from './turn-budget.ts';

/** What a group is made of. */
export interface ExecutionGroupOptions {
  readonly results: SharedResults;
  /** Is opened again if events left it unread. */
  readonly log: SharableLog;
  /** Stands where the first member begins; the group closes it. */
  readonly reader: EntryReader;
  readonly firstIndex: number;
  /** Strictly after it reading began; absent where nobody can resume. */
  readonly position: Position | undefined;
  readonly clock: Clock;
  readonly turns: TurnCount;
  /** Runs the group when there is more to read. */
  readonly ready: ReadyGroups;
  /** Called once, when the group takes no members any more: the last one left, or the source ended. */
  readonly onClosed: (group: ExecutionGroup) => void;
}

/** Events that are executed before the first of them is delivered. */
const eventsPerRun = 32;

/**
 * Operations that ask for the same: every event is executed once for all of them.
 *
 * @remarks
 * Reads the log once. Members come and go at any moment, also while an event is being executed: each gets exactly the events from its own start to its
 * own end, in order. If events leave the log before they were read, reading goes on where it was if the broker still has them, otherwise behind them:
 * members that can be told are told, the others end.
 */
export class ExecutionGroup {
  readonly results: SharedResults;
  readonly #log: SharableLog;
  #reader: EntryReader;
  readonly #clock: Clock;
  readonly #ready: ReadyGroups;
  readonly #onClosed: (group: ExecutionGroup) => void;
  readonly #members: GroupMember[] = [];
  #nextIndex: number;
  /** Of the last event that was looked at, where only the event knows it. */
  #position: Position | undefined;
  #state: 'open' | 'closed' = 'open';
  readonly #budget: TurnBudget;

  constructor(options: ExecutionGroupOptions) {
    this.results = options.results;
    this.#log = options.log;
    this.#reader = options.reader;
    this.#nextIndex = options.firstIndex;
    this.#position = options.position;
    this.#clock = options.clock;
    this.#ready = options.ready;
    this.#onClosed = options.onClosed;
    this.#budget = new TurnBudget(options.turns);
  }

  /** Local index of the first event that has not been looked at: whoever wants earlier ones has to read them alone. */
  get nextIndex(): number {
    return this.#nextIndex;
  }

  get size(): number {
    return this.#members.length;
  }

  /** @param reader - of the member, which the group takes over; its own for the first */
  join(member: GroupMember, reader: EntryReader): void {
    if (reader !== this.#reader) {
      this.#reader.adopt?.(reader);
      void reader.close(); // never rejects
    }
    member.slot = this.#members.length;
    this.#members.push(member);
  }

  /** Leaving twice is harmless. */
  leave(member: GroupMember): void {
    const { slot } = member;
    if (slot === -1) return;
    member.slot = -1;
    const last = this.#members.pop();
    if (last !== undefined && last !== member) {
      this.#members[slot] = last;
      last.slot = slot;
    }
    if (this.#members.length === 0) this.#close();
    else this.#reader.removeConsumer?.();
  }

  /** Reads and delivers what there is, and what will be, until the source ends or the last member left; never throws. */
  run(): void {
    try {
      while (!this.#hasClosed()) {
        const batch = this.#reader.poll ? this.#reader.poll(this) : this.#reader.read();
        if (batch === 'later') return;
        const pending = batch instanceof Promise ? this.#takeLater(batch) : this.#take(batch);
        if (pending) return void this.#runAfter(pending); // never rejects
      }
    } catch (error) {
      void this.#runAfter(this.#mend(error)); // never rejects
    }
  }

  /** There is something to read. */
  ready(): void {
    this.#ready.add(this);
  }

  async #runAfter(pending: Promise<void>): Promise<void> {
    try {
      await pending;
    } catch (error) {
      await this.#mend(error);
    }
    this.run();
  }

  async #takeLater(reading: Promise<readonly SourceEntry[] | undefined>): Promise<void> {
    await this.#take(await reading);
  }

  /** What was read, or that nothing will be; a promise where events have to be waited for. */
  #take(batch: readonly SourceEntry[] | undefined): Promise<void> | undefined {
    if (this.#hasClosed()) return undefined;
    if (batch !== undefined) return this.#processAll(batch, 0);
    this.#end({ kind: 'completed' });
    return undefined;
  }

  /** Goes on after `error` if that is no more than a loss; otherwise it is the end. */
  async #mend(error: unknown): Promise<void> {
    try {
      const position = this.#reader.position?.() ?? this.#position;
      if (!isLoss(error) || !position) throw error;
      if (!this.#hasClosed()) await this.#reopenAfter(position, error);
    } catch (cause) {
      if (this.#hasClosed()) return;
      this.#end({ kind: 'failed', errors: this.results.executor.failSource(cause) });
    }
  }

  /** Some events behind `position` left the log unread. */
  async #reopenAfter(position: Position, loss: unknown): Promise<void> {
    const before = this.#nextIndex;
    this.#nextIndex = Number.POSITIVE_INFINITY; // nobody can join meanwhile: indices may be counted anew
    const reader = await openWhenAvailable(
      () => this.#log.open(position),
      () => !this.#hasClosed(),
      this.#clock,
    );
    if (!reader) return;
    if (this.#hasClosed()) return reader.close();
    this.#reader = reader;
    this.#nextIndex = reader.nextIndex ?? before;
    reader.addConsumers?.(this.#members.length - 1);
    const members = [...this.#members];
    if (reader.complete === false) {
      this.#position = reader.head;
      const mark = reader.head && this.results.subject?.mark(reader.head);
      const errors = this.results.executor.failSource(loss);
      for (const member of members) member.skipTo(this.#nextIndex, { mark, errors });
    } else for (const member of members) member.next += this.#nextIndex - before;
  }

  /** From the one at `start` on; a promise where some have to be waited for. */
  #processAll(batch: readonly SourceEntry[], start: number): Promise<void> | undefined {
    const [first] = batch;
    if (first && batch.length === 1) return this.#pauseAfter(this.#processOne(first));
    for (let i = start; i < batch.length && !this.#hasClosed();) {
      const { run, odd } = this.#execute(batch, i);
      this.#deliverRun(run);
      const done = run.events.length + (odd ? 1 : 0);
      i += done;
      this.#budget.spend(done, run.events.length * this.#members.length);
      const pending = this.#pauseAfter(odd && this.#process(odd));
      if (pending) return this.#processRest(pending, batch, i);
    }
    return undefined;
  }

  async #processRest(
    pending: Promise<void>,
    batch: readonly SourceEntry[],
    start: number,
  ): Promise<void> {
    await pending;
    if (start < batch.length) await this.#processAll(batch, start);
  }

  /** A promise if `pending` has to be waited for, or others have to get their turn behind it. */
  #pauseAfter(pending: Promise<void> | undefined): Promise<void> | undefined {
    return pending ? pending.then(() => this.#pause()) : this.#pause();
  }

  #pause(): Promise<void> | undefined {
    if (!this.#budget.isSpent) return undefined;
    this.#budget.renew();
    return this.#clock.turn();
  }

  /** A batch of one, which most are: what follows is the same as for more, without anything that holds several. */
  #processOne(entry: SourceEntry): Promise<void> | undefined {
    const event = this.#see(entry);
    const outcome = this.#isWantedFrom(event.index) ? event.outcome() : undefined;
    if (outcome === undefined || outcome instanceof Promise || outcome.kind === 'personal') {
      this.#budget.spend(1, 0);
      return this.#process(event);
    }
    this.#budget.spend(1, this.#members.length);
    // backwards, as in `#deliverRun`
    for (let i = this.#members.length - 1; i >= 0; i--) {
      this.#members[i]?.takeOne(event, outcome, this.results.executor);
    }
    return undefined;
  }

  /** The event of `entry`, which is the next one. */
  #see(entry: SourceEntry): SharedEvent {
    const event = this.results.at(entry);
    event.index = this.#nextIndex;
    this.#nextIndex += 1;
    if (!this.#reader.position) this.#position = entry.position;
    return event;
  }

  /**
   * Executes events as long as each is for some member that wants them all, and has its result at once: those are delivered together, so that what belongs
   * to one member is touched once for all of them. The first event of another kind is the odd one.
   */
  #execute(
    batch: readonly SourceEntry[],
    start: number,
  ): { readonly run: EventRun; readonly odd: SharedEvent | undefined } {
    const events: SharedEvent[] = [];
    const results: ResultText[] = [];
    const first = this.#nextIndex;
    for (const entry of batch.slice(start, start + eventsPerRun)) {
      const event = this.#see(entry);
      const outcome = this.#isWantedFrom(first) ? event.outcome() : undefined;
      if (outcome === undefined || outcome instanceof Promise || outcome.kind === 'personal') {
        return { run: { events, results }, odd: event };
      }
      events.push(event);
      results.push(outcome.result);
    }
    return { run: { events, results }, odd: undefined };
  }

  #isWantedFrom(index: number): boolean {
    for (const member of this.#members) if (member.wantsAllFrom(index)) return true;
    return false;
  }

  /** Backwards: whoever leaves meanwhile is replaced by one that has had its turn, and remembers that. */
  #deliverRun(run: EventRun): void {
    for (let i = this.#members.length - 1; i >= 0; i--) {
      this.#members[i]?.takeRun(run, this.results.executor);
    }
  }

  #process(shared: SharedEvent): Promise<void> | undefined {
    const wanting = this.#membersThatWant(shared);
    if (wanting.length === 0) return undefined;
    const outcome = shared.outcome();
    if (outcome instanceof Promise) return this.#deliverLater(wanting, shared, outcome);
    this.#deliver(wanting, shared, outcome);
    return undefined;
  }

  /** A copy: members leave, and others take their places, while it is delivered. */
  #membersThatWant(event: SharedEvent): readonly GroupMember[] {
    const wanting: GroupMember[] = [];
    // backwards, as in `#deliverRun`
    for (let i = this.#members.length - 1; i >= 0; i--) {
      const member = this.#members[i];
      if (member?.wants(event, this.results.executor) === true) wanting.push(member);
    }
    return wanting;
  }

  async #deliverLater(
    members: readonly GroupMember[],
    event: SharedEvent,
    outcome: Promise<EventOutcome>,
  ): Promise<void> {
    this.#deliver(members, event, await outcome);
  }

  #deliver(members: readonly GroupMember[], event: SharedEvent, outcome: EventOutcome): void {
    this.#budget.spend(0, members.length);
    for (const member of members) member.take(event, outcome, this.results.executor);
  }

  #end(end: SourceEnd): void {
    const members = this.#members.splice(0);
    for (const member of members) member.slot = -1;
    this.#close();
    for (const member of members) member.end(end);
  }

  #close(): void {
    this.#state = 'closed';
    this.#onClosed(this);
    void this.#reader.close(); // never rejects
  }

  /** A method, because the compiler would otherwise believe that the state cannot change during an `await`. */
  #hasClosed(): boolean {
    return this.#state === 'closed';
  }
}
