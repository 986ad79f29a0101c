import type { EntryReader, SourceEntry } from '../../broker/entry-reader.ts';
import type { Clock } from '../../vocabulary.ts';
import type { EventOutcome, GroupExecutor } from './group-executor.ts';
import type { GroupMember, SourceEnd } from './group-member.ts';
import type { SharePlan } from './share-plan.ts';
import { mapsOf } from './member-filters.ts';
import type { SharedMap } from './shared-event.ts';
import { SharedEvent } from './shared-event.ts';

/** What a group is made of. */
export interface ExecutionGroupOptions {
  readonly plan: SharePlan;
  /** Stands where the first member begins; the group closes it. */
  readonly reader: EntryReader;
  readonly firstIndex: number;
  readonly executor: GroupExecutor;
  readonly clock: Clock;
  /** Called once, when the group takes no members any more: the last one left, or the source ended. */
  readonly onClosed: (group: ExecutionGroup) => void;
}

/** After so many deliveries the event loop gets a turn, so that a busy source starves nobody. */
const deliveriesPerTurn = 10_000;
/** The same for events, each of which may take long to execute. */
const eventsPerTurn = 64;

/**
 * Operations that ask for the same: every event is executed once for all of them.
 *
 * @remarks
 * Reads the log once. Members come and go at any moment, also while an event is being executed: each gets exactly the events from its own start to its
 * own end, in order.
 */
export class ExecutionGroup {
  readonly plan: SharePlan;
  readonly #reader: EntryReader;
  readonly #executor: GroupExecutor;
  readonly #clock: Clock;
  readonly #onClosed: (group: ExecutionGroup) => void;
  readonly #maps: readonly SharedMap[];
  readonly #members: GroupMember[] = [];
  #nextIndex: number;
  #state: 'open' | 'closed' = 'open';
  #deliveries = 0;
  #events = 0;

  constructor(options: ExecutionGroupOptions) {
    this.plan = options.plan;
    this.#reader = options.reader;
    this.#nextIndex = options.firstIndex;
    this.#executor = options.executor;
    this.#clock = options.clock;
    this.#onClosed = options.onClosed;
    this.#maps = mapsOf(options.plan.source.steps);
  }

  /** Local index of the first event that has not been looked at: whoever wants earlier ones has to read them alone. */
  get nextIndex(): number {
    return this.#nextIndex;
  }

  get size(): number {
    return this.#members.length;
  }

  join(member: GroupMember): void {
    if (this.#members.length > 0) this.#reader.addConsumer?.();
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

  /** Reads and delivers until the source ends or the last member left; never rejects. */
  async run(): Promise<void> {
    try {
      for (;;) {
        const batch = await this.#reader.read();
        if (this.#hasClosed()) return;
        if (batch === undefined) return this.#end({ kind: 'completed' });
        await this.#processAll(batch);
        if (this.#hasClosed()) return;
      }
    } catch (error) {
      if (this.#hasClosed()) return;
      this.#end({ kind: 'failed', errors: this.#executor.failSource(error) });
    }
  }

  async #processAll(batch: readonly SourceEntry[]): Promise<void> {
    for (const entry of batch) {
      const pending = this.#process(entry);
      if (pending !== undefined) await pending;
      if (this.#hasClosed()) return;
      this.#events += 1;
      if (this.#deliveries >= deliveriesPerTurn || this.#events >= eventsPerTurn) {
        this.#deliveries = 0;
        this.#events = 0;
        await this.#clock.turn();
        if (this.#hasClosed()) return;
      }
    }
  }

  #process({ event }: SourceEntry): Promise<void> | undefined {
    const shared = new SharedEvent(event, this.#nextIndex, {
      executor: this.#executor,
      maps: this.#maps,
    });
    this.#nextIndex += 1;
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
    // backwards: whoever leaves because of a filter is replaced by one that was asked before, and remembers that
    for (let i = this.#members.length - 1; i >= 0; i--) {
      const member = this.#members[i];
      if (member?.wants(event, this.#executor) === true) wanting.push(member);
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
    this.#deliveries += members.length;
    for (const member of members) member.take(event, outcome, this.#executor);
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
