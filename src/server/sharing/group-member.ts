import type { ResultText } from '../result-text.ts';
import type { EventOutcome, GroupExecutor, SharedOutcome } from './group-executor.ts';
import type { MemberFilter } from './member-filters.ts';
import { MemberLane } from './member-lane.ts';
import type { Loss, Recipient, SourceEnd } from './recipient.ts';
import { tellEnd } from './recipient.ts';
import type { SharedEvent } from './shared-event.ts';

/** Where a member begins. */
export interface MemberStart {
  readonly group: LeavableGroup;
  readonly firstIndex: number;
}

interface LeavableGroup {
  leave(member: GroupMember): void;
}

/**
 * One subscriber of a group.
 *
 * @remarks
 * There are very many: what only some of them need, filters and what has to wait, is in a {@link MemberLane}.
 */
export class GroupMember {
  /** Place in the list of its group; -1 once it left. */
  slot = -1;
  /** Local index of the next event that it has not seen. */
  next: number;
  readonly #recipient: Recipient;
  readonly #group: LeavableGroup;
  #lane: MemberLane | undefined;

  constructor(recipient: Recipient, filters: readonly MemberFilter[], start: MemberStart) {
    this.#recipient = recipient;
    this.#group = start.group;
    this.#lane = filters.length > 0 ? new MemberLane(recipient, filters) : undefined;
    this.next = start.firstIndex;
  }

  /** Its operation ended, or its source does: nothing is delivered any more. */
  stop(): void {
    this.#group.leave(this);
    this.#lane?.abandon();
  }

  /** Whether every event from `index` on is for this member, and can be delivered at once. */
  wantsAllFrom(index: number): boolean {
    return this.next <= index && this.#lane === undefined;
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

  /** Takes an event that became a result at once. */
  takeOne(event: SharedEvent, outcome: SharedOutcome, executor: GroupExecutor): void {
    if (this.wantsAllFrom(event.index)) {
      this.next = event.index + 1;
      this.#recipient.deliver(outcome.result);
    } else if (this.wants(event, executor)) this.take(event, outcome, executor);
  }

  /** Looks at an event: whether it has to be delivered now. What has to wait goes its own way. */
  wants(event: SharedEvent, executor: GroupExecutor): boolean {
    if (this.slot === -1 || event.index < this.next) return false;
    this.next = event.index + 1;
    if (this.#lane?.isSuperfluous === true) this.#lane = undefined;
    return this.#lane === undefined || this.#lane.lets(event, executor);
  }

  /** Takes what an event that it wanted became. */
  take(event: SharedEvent, outcome: EventOutcome, executor: GroupExecutor): void {
    if (this.slot === -1) return;
    if (outcome.kind === 'shared') return this.#recipient.deliver(outcome.result);
    this.#lane ??= new MemberLane(this.#recipient, []);
    this.#lane.wait({ kind: 'event', event, executor, verdict: passed });
  }

  /** Events are lost: the next one that it sees has the index `next`. */
  skipTo(next: number, loss: Loss): void {
    if (this.slot === -1) return;
    this.next = next;
    if (this.#lane === undefined) this.#recipient.lost(loss);
    else this.#lane.lose(loss);
  }

  /** The source ended; it is heard of after the events before it. */
  end(end: SourceEnd): void {
    if (this.#lane === undefined) tellEnd(this.#recipient, end);
    else this.#lane.end(end);
  }
}

const passed = { kind: 'passed' } as const;

/** Events in a row and what each became for all. */
export interface EventRun {
  readonly events: readonly SharedEvent[];
  readonly results: readonly ResultText[];
}
