import type { SourceEntry } from '../../broker/entry-reader.ts';
import type { SourceStep } from '../../broker/source-steps.ts';
import { applyStep, isThenable } from '../../broker/source-steps.ts';
import type { ResumeMark, ResumeSubject } from '../resume/resume-subject.ts';
import type { ResultText } from '../result-text.ts';
import type { EventOutcome, GroupExecutor } from './group-executor.ts';

/** A map of the source that all members of a group have. */
export type SharedMap = Extract<SourceStep, { readonly kind: 'map' }>;

/** What an event needs of its group. */
export interface SharingGroup {
  readonly executor: GroupExecutor;
  readonly maps: readonly SharedMap[];
  /** Of the tokens that say where its events stand; absent where nobody can resume. */
  readonly subject: ResumeSubject | undefined;
}

/**
 * One event on its way through a group: each map is applied, and the selection executed, at most once and only if somebody needs it.
 */
export class SharedEvent {
  /** Local index of the event in its log, for the group that delivers it. */
  index = 0;
  /** Where it stands in its log. */
  readonly mark: ResumeMark | undefined;
  readonly #group: SharingGroup;
  readonly #onExecuted: ((result: ResultText) => void) | undefined;
  readonly #event: unknown;
  /** The event after so many maps, as far as somebody asked. */
  #values: (MappedValue | Promise<MappedValue>)[] | undefined;
  #outcome: EventOutcome | Promise<EventOutcome> | undefined;

  /** @param onExecuted - called once if it became a result for all */
  constructor(entry: SourceEntry, group: SharingGroup, onExecuted?: (result: ResultText) => void) {
    this.mark = group.subject && markOf(entry, group.subject);
    this.#group = group;
    this.#onExecuted = onExecuted;
    this.#event = entry.event;
  }

  /** The event after the first `count` maps; never rejects. */
  valueAfter(count: number): MappedValue | Promise<MappedValue> {
    this.#values ??= [{ kind: 'known', value: this.#event }];
    const known = this.#values[count];
    if (known !== undefined) return known;
    const before = this.valueAfter(count - 1);
    const value =
      before instanceof Promise
        ? before.then((settled) => this.#map(count - 1, settled))
        : this.#map(count - 1, before);
    this.#values[count] = value;
    return value;
  }

  /** What the event is for all members; never rejects. */
  outcome(): EventOutcome | Promise<EventOutcome> {
    this.#outcome ??= this.#compute();
    return this.#outcome;
  }

  #compute(): EventOutcome | Promise<EventOutcome> {
    const { maps, executor } = this.#group;
    const outcome = maps.length === 0 ? executor.execute(this.#event) : this.#executeMapped();
    return outcome instanceof Promise
      ? outcome.then((settled) => this.#place(settled))
      : this.#place(outcome);
  }

  #executeMapped(): EventOutcome | Promise<EventOutcome> {
    const value = this.valueAfter(this.#group.maps.length);
    return value instanceof Promise
      ? value.then((settled) => this.#execute(settled))
      : this.#execute(value);
  }

  #place(outcome: EventOutcome): EventOutcome {
    if (outcome.kind === 'shared') {
      outcome.result.mark = this.mark;
      this.#onExecuted?.(outcome.result);
    }
    return outcome;
  }

  #execute(value: MappedValue): EventOutcome | Promise<EventOutcome> {
    const { executor } = this.#group;
    return value.kind === 'known'
      ? executor.execute(value.value)
      : { kind: 'shared', result: executor.fail(value.error) };
  }

  #map(index: number, before: MappedValue): MappedValue | Promise<MappedValue> {
    const map = this.#group.maps[index];
    if (before.kind === 'failed' || map === undefined) return before;
    try {
      const value = applyStep(map, before.value);
      return isThenable(value) ? settle(value) : { kind: 'known', value };
    } catch (error) {
      return { kind: 'failed', error };
    }
  }
}

function markOf(
  { position, publishedAt }: SourceEntry,
  subject: ResumeSubject,
): ResumeMark | undefined {
  return position && subject.mark(position, publishedAt);
}

/** What maps made of an event. */
export type MappedValue =
  | { readonly kind: 'known'; readonly value: unknown }
  | { readonly kind: 'failed'; readonly error: unknown };

async function settle(promise: PromiseLike<unknown>): Promise<MappedValue> {
  try {
    return { kind: 'known', value: await promise };
  } catch (error) {
    return { kind: 'failed', error };
  }
}
