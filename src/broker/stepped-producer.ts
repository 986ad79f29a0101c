import { createSourceReader } from '../stream/source-reader.ts';
import type { ItemProducer } from '../stream/source-reader.ts';
import type { SourceItem, SourceReader } from '../stream/source.ts';
import { SnapshotReader } from './entry-reader.ts';
import type { EntryReader, SourceEntry } from './entry-reader.ts';
import { applySteps } from './source-steps.ts';
import type { SourceStep, StepOutcome } from './source-steps.ts';

/** A reader and the steps that its entries pass: a snapshot passes only those that follow it. */
interface Stage {
  readonly reader: EntryReader;
  readonly steps: readonly SourceStep[];
}

/** Reads the snapshots of a source, the one added last first, then its live entries, and sends each through its steps. */
export class SteppedProducer<Event> implements ItemProducer<Event> {
  /** Those that are not at their end; the first is the one that is read. */
  readonly #stages: Stage[];
  #batch: readonly SourceEntry[] = [];
  #next = 0;

  /** @param live - without it the source ends with its snapshots */
  constructor(live: EntryReader | undefined, steps: readonly SourceStep[]) {
    this.#stages = toStages(live, steps);
  }

  next(): SourceItem<Event> | undefined | Promise<SourceItem<Event> | undefined> {
    const outcome = this.#fromBatch();
    const item =
      outcome === undefined || outcome instanceof Promise ? this.#advance(outcome) : outcome;
    // The types of the calls that added the steps made sure that what comes out of them is an `Event`.
    return item as SourceItem<Event> | Promise<SourceItem<Event> | undefined>;
  }

  async release(): Promise<void> {
    await Promise.all(this.#stages.map((stage) => stage.reader.close()));
  }

  /** What the next entry became that no filter drops at once; `undefined` when the batch is used up. */
  #fromBatch(): StepOutcome | Promise<StepOutcome> {
    const steps = this.#stages[0]?.steps ?? [];
    for (
      let entry = this.#batch[this.#next];
      entry !== undefined;
      entry = this.#batch[this.#next]
    ) {
      this.#next += 1;
      const outcome = applySteps(steps, entry.event, entry.position);
      if (outcome !== undefined) return outcome;
    }
    return undefined;
  }

  async #advance(first: Promise<StepOutcome> | undefined): Promise<StepOutcome> {
    let outcome: StepOutcome | Promise<StepOutcome> = first;
    for (;;) {
      const item = await outcome;
      if (item !== undefined) return item;
      if (this.#next === this.#batch.length && !(await this.#readBatch())) return undefined;
      outcome = this.#fromBatch();
    }
  }

  /** False at the end of the last stage. */
  async #readBatch(): Promise<boolean> {
    for (let stage = this.#stages[0]; stage !== undefined; stage = this.#stages[0]) {
      const batch = await stage.reader.read();
      if (batch !== undefined) {
        this.#batch = batch;
        this.#next = 0;
        return true;
      }
      await stage.reader.close();
      this.#stages.shift();
    }
    return false;
  }
}

/** Reads the snapshots of a source and ends with them; `undefined` if it has none. */
export function createSnapshotReader(
  steps: readonly SourceStep[],
): SourceReader<unknown> | undefined {
  const hasSnapshot = steps.some((step) => step.kind === 'start-with');
  return hasSnapshot ? createSourceReader(new SteppedProducer(undefined, steps)) : undefined;
}

function toStages(live: EntryReader | undefined, steps: readonly SourceStep[]): Stage[] {
  const snapshots = steps.flatMap((step, i) =>
    step.kind === 'start-with'
      ? [{ reader: new SnapshotReader(step.snapshot), steps: steps.slice(i + 1) }]
      : [],
  );
  return [...snapshots.toReversed(), ...(live ? [{ reader: live, steps }] : [])];
}
