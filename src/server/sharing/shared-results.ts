import type { SourceEntry } from '../../broker/entry-reader.ts';
import type { ResumeSubject } from '../resume/resume-subject.ts';
import type { GroupExecutor } from './group-executor.ts';
import type { ResultMemory } from './result-memory.ts';
import type { GroupPlan } from './share-plan.ts';
import { SharedEvent } from './shared-event.ts';
import type { SharedMap } from './shared-event.ts';

/** What {@link SharedResults} are made from; nothing of it belongs to one subscriber. */
export interface SharedResultsOptions {
  readonly plan: GroupPlan;
  readonly executor: GroupExecutor;
  /** Applied to each event before it is executed. */
  readonly maps: readonly SharedMap[];
  /** Of the tokens that say where events stand; absent where nobody can resume. */
  readonly subject: ResumeSubject | undefined;
  readonly memory: ResultMemory;
  /** What its events are called in there, apart from those of other plans. */
  readonly name: number;
}

/** What the events of one log become for all who ask the same, now or when they come back. */
export class SharedResults {
  readonly plan: GroupPlan;
  readonly executor: GroupExecutor;
  readonly maps: readonly SharedMap[];
  readonly subject: ResumeSubject | undefined;
  readonly #memory: ResultMemory;
  readonly #name: number;
  #isRemembering = false;

  constructor({ plan, executor, maps, subject, memory, name }: SharedResultsOptions) {
    this.plan = plan;
    this.executor = executor;
    this.maps = maps;
    this.subject = subject;
    this.#memory = memory;
    this.#name = name;
  }

  /** Whether somebody may come back for what was executed. */
  get isRemembering(): boolean {
    return this.#isRemembering;
  }

  /** From now on somebody may. */
  remember(): void {
    this.#isRemembering = true;
  }

  /** The event of `entry`: the one that was executed before, as long as it is remembered. */
  at(entry: SourceEntry): SharedEvent {
    if (!this.#isRemembering || !entry.position) return new SharedEvent(entry, this);
    const { epoch, offset } = entry.position;
    const key = `${this.#name} ${epoch} ${offset}`;
    return this.#memory.find(key) ?? this.#add(key, entry);
  }

  #add(key: string, entry: SourceEntry): SharedEvent {
    const shared: SharedEvent = new SharedEvent(entry, this, ({ text }) =>
      this.#memory.grow(key, shared, text.length),
    );
    this.#memory.add(key, shared, entry.event);
    return shared;
  }
}
