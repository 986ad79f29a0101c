import { SourceError } from '../../errors.ts';
import type { ResultText } from '../result-text.ts';
import type { GroupExecutor } from './group-executor.ts';
import type { MemberFilter, Verdict } from './member-filters.ts';
import { judge } from './member-filters.ts';
import type { Loss, Recipient, SourceEnd } from './recipient.ts';
import { tellEnd } from './recipient.ts';
import type { SharedEvent } from './shared-event.ts';

/** Events that may wait for the asynchronous filter, or the own execution, of one member; as many as a log holds by default. */
const maximumWaiting = 1_000;

/** After so many events in a row that were not for it a client is told where it stands, so that it can come back there. */
export const eventsUnsaid = 64;

/**
 * What one member of a group has for itself: filters, and the events that wait for one of them or for an execution of its own.
 *
 * @remarks
 * Whatever is slow about one member delays nobody else; later events of that member queue behind it.
 */
export class MemberLane {
  readonly #recipient: Recipient;
  readonly #filters: readonly MemberFilter[];
  /** The first of them is at work. */
  #waiting: Waiting[] = [];
  #end: SourceEnd | undefined;
  #state: 'idle' | 'draining' | 'abandoned' = 'idle';
  /** Events since the last one that was for it. */
  #unsaid = 0;

  constructor(recipient: Recipient, filters: readonly MemberFilter[]) {
    this.#recipient = recipient;
    this.#filters = filters;
  }

  /** Whether the member could do without it. */
  get isSuperfluous(): boolean {
    return this.#state === 'idle' && this.#filters.length === 0;
  }

  /** Whether an event has to be delivered now. */
  lets(event: SharedEvent, executor: GroupExecutor): boolean {
    if (this.#state !== 'idle') {
      this.wait({ kind: 'event', event, executor });
      return false;
    }
    const verdict = judge(this.#filters, event);
    if (verdict instanceof Promise) {
      this.wait({ kind: 'event', event, executor, verdict });
      return false;
    }
    if (verdict.kind === 'dropped') this.#pass(event);
    else this.#unsaid = 0;
    if (verdict.kind === 'failed') this.#deliver(executor.fail(verdict.error), event);
    return verdict.kind === 'passed';
  }

  /** Has an event wait for its turn. If too many wait, all but the one at work are lost. */
  wait(waiting: WaitingEvent): void {
    if (this.#waiting.length < maximumWaiting) return this.#push(waiting);
    const { mark } = waiting.event;
    const loss = { mark, errors: waiting.executor.failSource(overrun()) };
    // whoever cannot be told ends now: what is at work may never end
    if (!mark || !this.#recipient.hearsOfLosses) return this.#recipient.lost(loss);
    this.#waiting.splice(1, Number.POSITIVE_INFINITY, { kind: 'loss', loss });
  }

  /** Events are lost behind those that wait. */
  lose(loss: Loss): void {
    this.#push({ kind: 'loss', loss });
  }

  /** The source ended; it is heard of after what waits. */
  end(end: SourceEnd): void {
    this.#end = end;
    if (this.#state === 'idle') tellEnd(this.#recipient, end);
  }

  /** Nothing is delivered any more. */
  abandon(): void {
    this.#state = 'abandoned';
    this.#waiting = [];
  }

  #push(waiting: Waiting): void {
    this.#waiting.push(waiting);
    if (this.#state === 'idle') void this.#drain(); // never rejects
  }

  async #drain(): Promise<void> {
    this.#state = 'draining';
    for (let [first] = this.#waiting; first !== undefined; [first] = this.#waiting) {
      const result = first.kind === 'event' ? await this.#process(first) : undefined;
      if (this.#isAbandoned()) return;
      this.#waiting.shift();
      if (first.kind === 'loss') this.#recipient.lost(first.loss);
      else if (result !== undefined) this.#deliver(result, first.event);
      else this.#pass(first.event);
      if (this.#isAbandoned()) return;
    }
    this.#state = 'idle';
    if (this.#end !== undefined) tellEnd(this.#recipient, this.#end);
  }

  #pass({ mark }: SharedEvent): void {
    this.#unsaid += 1;
    if (this.#unsaid < eventsUnsaid) return;
    this.#unsaid = 0;
    this.#recipient.passed(mark);
  }

  async #process({ event, executor, verdict }: WaitingEvent): Promise<ResultText | undefined> {
    const judged = await (verdict ?? judge(this.#filters, event));
    // nothing is executed for somebody who left meanwhile
    if (this.#isAbandoned() || judged.kind === 'dropped') return undefined;
    if (judged.kind === 'failed') return executor.fail(judged.error);
    const outcome = await event.outcome();
    if (outcome.kind === 'shared') return outcome.result;
    if (this.#isAbandoned()) return undefined;
    return executor.executeFor(this.#recipient.context, outcome.value);
  }

  #deliver(result: ResultText, { mark }: SharedEvent): void {
    result.mark = mark;
    this.#unsaid = 0;
    this.#recipient.deliver(result);
  }

  /** A method, because the compiler would otherwise believe that the state cannot change during an `await`. */
  #isAbandoned(): boolean {
    return this.#state === 'abandoned';
  }
}

type Waiting = WaitingEvent | { readonly kind: 'loss'; readonly loss: Loss };

interface WaitingEvent {
  readonly kind: 'event';
  readonly event: SharedEvent;
  readonly executor: GroupExecutor;
  /** Absent until its turn comes: filters see events one after the other. */
  readonly verdict?: Verdict | Promise<Verdict>;
}

function overrun(): SourceError {
  return new SourceError(
    'EVENTS_LOST',
    `more than ${maximumWaiting} events waited for the filter or the execution of this subscriber`,
  );
}
