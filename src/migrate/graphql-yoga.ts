/**
 * `createPubSub` as programs for GraphQL Yoga use it, over any broker of Millrace.
 *
 * @packageDocumentation
 */
import { createMemoryBroker } from '../broker/memory.ts';
import type { Broker } from '../broker/types.ts';
import { isSource } from '../stream/source.ts';
import type { Source } from '../stream/source.ts';
import { createPayloadSource } from './pubsub/payload-source.ts';
import type { PayloadSource } from './pubsub/payload-source.ts';
import { createFailureReporter } from './pubsub/report.ts';
import type { FailureReporter } from './pubsub/report.ts';
import { assertSupported } from './unsupported-option.ts';
import type { Loose } from './loose.ts';

export type { PayloadSource } from './pubsub/payload-source.ts';
export { UnsupportedOptionError } from './unsupported-option.ts';

/** What is published to each topic: a payload, or an id and a payload. */
export type PublishArguments = Readonly<
  Record<string, [] | [payload: Loose] | [id: number | string, payload: Loose]>
>;

type PayloadOf<Arguments> = Arguments extends [Loose, infer Payload]
  ? Payload
  : Arguments extends [infer Payload]
    ? Payload
    : null;

type IdOf<Arguments> = Arguments extends [infer Id, Loose] ? [id: Id] : [];

/** Options of {@link createPubSub}. */
export interface PubSubConfig {
  /** Where topics are published; it stays yours to close. @defaultValue a broker in memory, of this process alone */
  readonly broker?: Broker;
  /** Told why something could not be published: `publish` itself returns nothing. @defaultValue writes to `console.error` */
  readonly onError?: FailureReporter;
}

/** Typed topics. */
export interface PubSub<Topics extends PublishArguments> {
  /** Each id of a topic has a log of its own. */
  publish<Name extends Extract<keyof Topics, string>>(topic: Name, ...args: Topics[Name]): void;
  /** What is published from now on. */
  subscribe<Name extends Extract<keyof Topics, string>>(
    topic: Name,
    ...id: IdOf<Topics[Name]>
  ): PayloadSource<PayloadOf<Topics[Name]>>;
}

/**
 * Publishes to typed topics, and subscribes to them.
 *
 * @throws UnsupportedOptionError for options that Millrace has nothing for
 */
export function createPubSub<Topics extends PublishArguments>(
  config: PubSubConfig = {},
): PubSub<Topics> {
  assertSupported(config, {
    broker: 'supported',
    onError: 'supported',
    eventTarget: { remedy: 'give a `broker`, such as createRedisBroker returns' },
    repeaterBuffer: { remedy: 'what waits is bounded by the options of the `broker`' },
  });
  const broker = config.broker ?? createMemoryBroker();
  const report = createFailureReporter(config.onError);
  return {
    publish(topic, ...args) {
      const [first, second]: readonly unknown[] = args;
      const key = second === undefined ? '' : String(first);
      broker.publish(topic, key, second ?? first ?? null).catch(report);
    },
    subscribe(topic, ...ids) {
      const [id]: readonly unknown[] = ids;
      return createPayloadSource(broker, [{ topic, key: id === undefined ? '' : String(id) }]);
    },
  };
}

/** Passes `source` through `operators`, one after the other. */
export function pipe<Payload>(source: AsyncIterable<Payload>): AsyncIterable<Payload>;
export function pipe<A, B>(source: AsyncIterable<A>, one: (source: AsyncIterable<A>) => B): B;
export function pipe<A, B, C>(
  source: AsyncIterable<A>,
  one: (source: AsyncIterable<A>) => B,
  two: (source: B) => C,
): C;
export function pipe<A, B, C, D>(
  source: AsyncIterable<A>,
  one: (source: AsyncIterable<A>) => B,
  two: (source: B) => C,
  three: (source: C) => D,
): D;
export function pipe(
  source: unknown,
  ...operators: readonly ((source: Loose) => unknown)[]
): unknown {
  return operators.reduce((piped, operator) => operator(piped), source);
}

/** Keeps the payloads for which `predicate` returns, or resolves with, something truthy. */
export function filter<Payload>(
  predicate: (payload: Payload) => unknown,
): (source: AsyncIterable<Payload>) => AsyncIterable<Payload> {
  return (source) => ownSource(source)?.filter(predicate) ?? filtered(source, predicate);
}

/** Turns each payload into another. */
export function map<Payload, Result>(
  transform: (payload: Payload) => Result,
): (source: AsyncIterable<Payload>) => AsyncIterable<Awaited<Result>> {
  return (source) => ownSource(source)?.map(transform) ?? mapped(source, transform);
}

function ownSource<Payload>(source: AsyncIterable<Payload>): Source<Payload> | undefined {
  // the brand says nothing of the payloads, but what it stands on has said it before
  return isSource(source) ? (source as Source<unknown> as Source<Payload>) : undefined;
}

async function* filtered<Payload>(
  source: AsyncIterable<Payload>,
  predicate: (payload: Payload) => unknown,
): AsyncGenerator<Payload> {
  for await (const payload of source) if (await predicate(payload)) yield payload;
}

async function* mapped<Payload, Result>(
  source: AsyncIterable<Payload>,
  transform: (payload: Payload) => Result,
): AsyncGenerator<Awaited<Result>> {
  for await (const payload of source) yield await transform(payload);
}
