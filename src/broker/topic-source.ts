import { createSourceReader, iterateOpening } from '../stream/source-reader.ts';
import { sourceBrand } from '../stream/source.ts';
import type { Snapshot, SourceReader } from '../stream/source.ts';
import type { Position } from '../vocabulary.ts';
import type { EntryReader } from './entry-reader.ts';
import { SteppedProducer } from './stepped-producer.ts';
import type { SourceStep } from './source-steps.ts';
import { sharableBrand } from './sharable-source.ts';
import type { SharableLog, SharableSource } from './sharable-source.ts';
import type { SourceIdentity, TopicSource } from './types.ts';

/** What a source reads before any step was added to it. */
export interface SourceOrigin {
  readonly owner: object;
  readonly topic: string;
  readonly key: string;
  /** The position that the source stands for, where that is known now. */
  readonly startPosition?: Position | undefined;
  /** Starts to read from the position that the source stands for, or strictly after `after`. */
  open(after?: Position): Promise<EntryReader>;
}

/** A source over `origin` without any steps. */
export function createTopicSource<Event>(origin: SourceOrigin): TopicSource<Event> {
  return new SteppedSource(origin, []);
}

class SteppedSource<Event> implements TopicSource<Event>, SharableSource {
  readonly [sourceBrand] = true;
  readonly [sharableBrand] = true;
  readonly pace = 'live';
  readonly identity: SourceIdentity;
  readonly #origin: SourceOrigin;
  readonly #steps: readonly SourceStep[];

  constructor(origin: SourceOrigin, steps: readonly SourceStep[]) {
    this.#origin = origin;
    this.#steps = steps;
    const maps = steps.flatMap((step) => (step.kind === 'map' ? [step.transform] : []));
    this.identity = { owner: origin.owner, topic: origin.topic, key: origin.key, maps };
  }

  filter(predicate: (event: Event) => unknown): TopicSource<Event> {
    // Steps hold functions of `unknown`; the types of the calls before made sure that this one gets an `Event`.
    return this.#with({ kind: 'filter', predicate: predicate as (event: unknown) => unknown });
  }

  map<Result>(transform: (event: Event) => Result): TopicSource<Awaited<Result>> {
    // As in `filter`.
    return this.#with({ kind: 'map', transform: transform as (event: unknown) => unknown });
  }

  startWith(snapshot: () => Snapshot<Event>): TopicSource<Event> {
    return this.#with({ kind: 'start-with', snapshot });
  }

  async open(): Promise<SourceReader<Event>> {
    const producer = new SteppedProducer<Event>(await this.#origin.open(), this.#steps);
    return createSourceReader(producer);
  }

  get steps(): readonly SourceStep[] {
    return this.#steps;
  }

  get startPosition(): Position | undefined {
    return this.#origin.startPosition;
  }

  get log(): SharableLog {
    return this.#origin;
  }

  /** Opens now, so that a consumer that makes its iterator early misses nothing. */
  [Symbol.asyncIterator](): AsyncIterator<Event, undefined> {
    return iterateOpening(this.open());
  }

  #with<Result>(step: SourceStep): TopicSource<Result> {
    return new SteppedSource<Result>(this.#origin, [...this.#steps, step]);
  }
}
