import { createTopic } from '../../broker/topic.ts';
import { sharableBrand } from '../../broker/sharable-source.ts';
import type { SharableLog, SharableSource } from '../../broker/sharable-source.ts';
import type { SourceStep } from '../../broker/source-steps.ts';
import type { Broker, SourceIdentity, TopicSource } from '../../broker/types.ts';
import { sourceBrand } from '../../stream/source.ts';
import type { Snapshot, Source, SourceReader } from '../../stream/source.ts';
import type { Position } from '../../vocabulary.ts';
import { createMergedSource } from './merged-source.ts';

/**
 * The payloads of one trigger or several, from the moment at which it was made: a source of Millrace that is also its own iterator.
 *
 * @remarks
 * A server of Millrace opens it anew for each operation, shares it and resumes from it. Whoever iterates it, graphql-js for one, is its one consumer.
 * A payload is the root value of its event, in which a field without `resolve` is looked up.
 */
export interface PayloadSource<Payload>
  extends Source<Payload>, AsyncIterableIterator<Payload, undefined> {
  readonly eventIs: 'root-value';
  filter(predicate: (payload: Payload) => unknown): PayloadSource<Payload>;
  map<Result>(transform: (payload: Payload) => Result): PayloadSource<Awaited<Result>>;
  startWith(snapshot: () => Snapshot<Payload>): PayloadSource<Payload>;
  return(): Promise<IteratorResult<Payload, undefined>>;
  throw(error: unknown): Promise<IteratorResult<Payload, undefined>>;
  [Symbol.asyncIterator](): PayloadSource<Payload>;
}

/** A log of payloads, as brokers name it. */
export interface PayloadLog {
  readonly topic: string;
  readonly key?: string;
  /** What is done with its payloads first; one and the same function for all who shall share. */
  readonly transform?: ((stored: unknown) => unknown) | undefined;
}

/** What is published to one log, or to any of several: these are read by each subscriber for itself, and in no order among each other. */
export function createPayloadSource<Payload>(
  broker: Broker,
  logs: readonly PayloadLog[],
): PayloadSource<Payload> {
  const sources = logs.map(({ topic, key, transform }) => {
    const source = createTopic<unknown>(broker, topic).source(key);
    return transform ? source.map(transform) : source;
  }) as readonly TopicSource<Payload>[]; // whoever subscribes says what it is
  const [only, ...others] = sources;
  return only && others.length === 0
    ? new LogPayloads(only)
    : new IterablePayloads(createMergedSource(sources));
}

/** Without a log that others could read as well. */
class IterablePayloads<Payload> implements PayloadSource<Payload> {
  readonly [sourceBrand] = true;
  readonly pace = 'live';
  readonly eventIs = 'root-value';
  readonly #source: TopicSource<Payload>;
  #iterator: AsyncIterator<Payload, undefined> | undefined;
  #isOver = false;

  constructor(source: TopicSource<Payload>) {
    this.#source = source;
  }

  open(): Promise<SourceReader<Payload>> {
    return this.#source.open();
  }

  filter(predicate: (payload: Payload) => unknown): PayloadSource<Payload> {
    return this.like(this.#source.filter(predicate));
  }

  map<Result>(transform: (payload: Payload) => Result): PayloadSource<Awaited<Result>> {
    return this.like(this.#source.map(transform));
  }

  startWith(snapshot: () => Snapshot<Payload>): PayloadSource<Payload> {
    return this.like(this.#source.startWith(snapshot));
  }

  async next(): Promise<IteratorResult<Payload, undefined>> {
    return this.#isOver ? { done: true, value: undefined } : this.#start().next();
  }

  async return(): Promise<IteratorResult<Payload, undefined>> {
    this.#isOver = true;
    await this.#iterator?.return?.();
    return { done: true, value: undefined };
  }

  async throw(error: unknown): Promise<never> {
    await this.return();
    // oxlint-disable-next-line typescript/only-throw-error -- it is whatever the consumer throws
    throw error;
  }

  /** Opens now, so that a consumer that makes its iterator early misses nothing. */
  [Symbol.asyncIterator](): this {
    if (!this.#isOver) this.#start();
    return this;
  }

  /** The same over another source. */
  protected like<Other>(source: TopicSource<Other>): PayloadSource<Other> {
    return new IterablePayloads(source);
  }

  #start(): AsyncIterator<Payload, undefined> {
    this.#iterator ??= this.#source[Symbol.asyncIterator]();
    return this.#iterator;
  }
}

/** In the identity of a source: what reads the same log and takes its events for values of a field shares nothing with it. */
const rootValues: unique symbol = Symbol('root values');

class LogPayloads<Payload> extends IterablePayloads<Payload> implements SharableSource {
  readonly [sharableBrand] = true;
  readonly #log: SharableSource;

  constructor(source: TopicSource<Payload>) {
    super(source);
    this.#log = source as TopicSource<Payload> & SharableSource; // all that `createTopic` gives can be shared
  }

  get identity(): SourceIdentity {
    const { maps, ...identity } = this.#log.identity;
    return { ...identity, maps: [rootValues, ...maps] };
  }

  get steps(): readonly SourceStep[] {
    return this.#log.steps;
  }

  get startPosition(): Position | undefined {
    return this.#log.startPosition;
  }

  get log(): SharableLog {
    return this.#log.log;
  }

  protected override like<Other>(source: TopicSource<Other>): PayloadSource<Other> {
    return new LogPayloads(source);
  }
}
