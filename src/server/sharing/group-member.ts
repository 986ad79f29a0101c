import { SourceError } from '../../errors.ts';
import type { FormattedError } from '../../vocabulary.ts';
import type { ResultText } from '../result-text.ts';
import type { EventOutcome, GroupExecutor } from './group-executor.ts';
import type { MemberFilter, Verdict } from './member-filters.ts';
import { judge } from './member-filters.ts';
import type { SharedEvent } from './shared-event.ts';

/** The operation behind a member. */
export interface Recipient {
  /** Of its operation: for events that cannot be executed for all. */
  readonly context: unknown;
  deliver(result: ResultText): void;
  /** Delivers results that follow each other. */
  deliverAll(results: readonly ResultText[]): void;
  /** The source failed: nothing follows. */
  fail(errors: readonly FormattedError[]): void;
  /** The source ended: nothing follows. */
  complete(): void;
}

/** Where a member begins. */
export interface MemberStart {
  readonly group: LeavableGroup;
  readonly firstIndex: number;
}

interface LeavableGroup {
  leave(member: GroupMember): void;
}

/** How a source ended. */
export type SourceEnd =
  | { readonly kind: 'completed' }
  | { readonly kind: 'failed'; readonly errors: readonly FormattedError[] };

/** Events that may wait for the asynchronous filter, or the own execution, of one member; as many as a log holds by default. */
const maximumWaiting = 1_000;

/**
 * One subscriber of a group.
 *
 * @remarks
 * What is slow about one member (a filter that waits, an execution of its own) goes to a lane of that member and delays nobody else; later events
 * of that member queue behind it.
 */
export class GroupMember {
  /** Place in the list of its group; -1 once it left. */
  slot = -1;
  /** Local index of the next event that it has not seen. */
  next: number;
  readonly #recipient: Recipient;
  readonly #group: LeavableGroup;
  readonly #filters: readonly MemberFilter[];
  #lane: Lane | undefined;

  constructor(recipient: Recipient, filters: readonly MemberFilter[], start: MemberStart) {
    this.#recipient = recipient;
    this.#filters = filters;
    this.#group = start.group;
    this.next = start.firstIndex;
  }

  /** Its operation ended, or its source does: nothing is delivered any more. */
  stop(): void {
    this.#group.leave(this);
    this.#lane = undefined;
  }

  /** Whether every event from `index` on is for this member, and can be delivered at once. */
  wantsAllFrom(index: number): boolean {
    return this.next <= index && this.#lane === undefined && this.#filters.length === 0;
  }

  /** Takes events that became results at once. */
  takeRun({ events, results }: EventRun, executor: GroupExecutor): void {
    const [first] = events;
    if (first === undefined) return;
    if (this.wantsAllFrom(first.index)) {
      this.next = first.index + events.length;
      return this.#recipient.deliverAll(results);
    }
    for (const [i, event] of events.entries()) {
      const result = results[i];
      if (result && this.wants(event, executor))
        this.take(event, { kind: 'shared', result }, executor);
    }
  }

  /** Looks at an event: whether it has to be delivered now. What has to wait goes its own way. */
  wants(event: SharedEvent, executor: GroupExecutor): boolean {
    if (this.slot === -1 || event.index < this.next) return false;
    this.next = event.index + 1;
    if (this.#lane !== undefined) return this.#wait({ event, executor });
    if (this.#filters.length === 0) return true;
    const verdict = judge(this.#filters, event);
    if (verdict instanceof Promise) return this.#wait({ event, executor, verdict });
    if (verdict.kind === 'failed') this.#recipient.deliver(executor.fail(verdict.error));
    return verdict.kind === 'passed';
  }

  /** Takes what an event that it wanted became. */
  take(event: SharedEvent, outcome: EventOutcome, executor: GroupExecutor): void {
    if (this.slot === -1) return;
    if (outcome.kind === 'shared' && this.#lane === undefined) {
      this.#recipient.deliver(outcome.result);
    } else {
      this.#wait({ event, executor, verdict: Promise.resolve({ kind: 'passed' }) });
    }
  }

  /** The source ended; it is heard of after the events before it. */
  end(end: SourceEnd): void {
    if (this.#lane !== undefined) this.#lane.end = end;
    else this.#finish(end);
  }

  /** False: nothing is to be delivered now. */
  #wait(waiting: WaitingEvent): false {
    if (this.#lane === undefined) {
      this.#lane = { waiting: [waiting], end: undefined };
      void this.#drain(this.#lane); // never rejects
    } else if (this.#lane.waiting.length < maximumWaiting) {
      this.#lane.waiting.push(waiting);
    } else {
      this.stop();
      this.#finish({ kind: 'failed', errors: waiting.executor.failSource(overrun()) });
    }
    return false;
  }

  /** Ends early once the lane was given up. */
  async #drain(lane: Lane): Promise<void> {
    for (let [first] = lane.waiting; first !== undefined; [first] = lane.waiting) {
      const result = await this.#process(first, lane);
      if (this.#lane !== lane) return;
      lane.waiting.shift();
      if (result !== undefined) this.#recipient.deliver(result);
      if (this.#lane !== lane) return;
    }
    this.#lane = undefined;
    if (lane.end !== undefined) this.#finish(lane.end);
  }

  async #process(
    { event, executor, verdict }: WaitingEvent,
    lane: Lane,
  ): Promise<ResultText | undefined> {
    const judged = await (verdict ?? judge(this.#filters, event));
    // nothing is executed for somebody who left meanwhile
    if (this.#lane !== lane || judged.kind === 'dropped') return undefined;
    if (judged.kind === 'failed') return executor.fail(judged.error);
    const outcome = await event.outcome();
    if (outcome.kind === 'shared') return outcome.result;
    if (this.#lane !== lane) return undefined;
    return executor.executeFor(this.#recipient.context, outcome.value);
  }

  #finish(end: SourceEnd): void {
    if (end.kind === 'failed') this.#recipient.fail(end.errors);
    else this.#recipient.complete();
  }
}

/** Events in a row and what each became for all. */
export interface EventRun {
  readonly events: readonly SharedEvent[];
  readonly results: readonly ResultText[];
}

interface WaitingEvent {
  readonly event: SharedEvent;
  readonly executor: GroupExecutor;
  /** Absent until its turn comes: filters see events one after the other. */
  readonly verdict?: Promise<Verdict>;
}

/** Events of one member that wait, the first of them at work. */
interface Lane {
  readonly waiting: WaitingEvent[];
  end: SourceEnd | undefined;
}

function overrun(): SourceError {
  return new SourceError(
    'EVENTS_LOST',
    `more than ${maximumWaiting} events waited for the filter or the execution of this subscriber`,
  );
}
