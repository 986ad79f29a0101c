/**
 * `RedisPubSub` as programs for `graphql-redis-subscriptions` 2 use it, over the Redis broker of Millrace.
 *
 * @packageDocumentation
 */
import type { Broker } from '../broker/types.ts';
import { createRedisBroker } from '../broker/redis.ts';
import type { PubSubEngine } from './graphql-subscriptions.ts';
import type { PayloadSource } from './pubsub/payload-source.ts';
import { toRedisUrl } from './pubsub/redis-connection.ts';
import type { RedisConnectionOptions } from './pubsub/redis-connection.ts';
import { PayloadFormat } from './pubsub/payload-format.ts';
import type { PayloadFormatOptions } from './pubsub/payload-format.ts';
import { Triggers, assertNoPattern } from './pubsub/triggers.ts';
import { assertIteratesAsItSubscribes } from './pubsub/assert-iterates.ts';
import { createFailureReporter } from './pubsub/report.ts';
import type { FailureReporter } from './pubsub/report.ts';
import { UnsupportedOptionError, assertSupported } from './unsupported-option.ts';
import type { Loose } from './loose.ts';

export { withFilter } from './pubsub/with-filter.ts';
export type { FilterFn, IterableResolverFn, ResolverFn } from './pubsub/with-filter.ts';
export type { PayloadSource } from './pubsub/payload-source.ts';
export type { RedisConnectionOptions } from './pubsub/redis-connection.ts';
export type { Deserializer, Reviver, Serializer } from './pubsub/payload-format.ts';
export { UnsupportedOptionError } from './unsupported-option.ts';

/** Makes the name of the trigger that is subscribed to. */
export type TriggerTransform = (trigger: string, options?: unknown) => string;

/** Options of {@link RedisPubSub}. */
export interface PubSubRedisOptions extends PayloadFormatOptions {
  /** Where Redis is. @defaultValue 127.0.0.1, port 6379 */
  readonly connection?: RedisConnectionOptions | string;
  /** Told without an argument when Redis can be reached, and with the error when it cannot. @defaultValue errors are written to `console.error` */
  readonly connectionListener?: (error?: unknown) => void;
  /** Of the names that are subscribed to; those that are published to stay as they are. */
  readonly triggerTransform?: TriggerTransform;
  /** In place of `connection`, with settings of your own; it stays yours to close, and stores payloads as it is told: with it there is no `reviver`, `serializer` and `deserializer`. */
  readonly broker?: Broker;
  /** Told what listeners throw, and of payloads that were lost on the way to one. @defaultValue writes to `console.error` */
  readonly onError?: FailureReporter;
}

const ownClients =
  'clients of ioredis cannot be used; give `connection`, or `broker: createRedisBroker({ client })` with a client of the package redis';
const bytes = 'a `deserializer` gets the bytes of each payload';

/**
 * Publishes to triggers and subscribes to them, between all processes that use one Redis.
 *
 * @remarks
 * Payloads are kept in streams of Redis (version 7 or later), not sent over its channels: programs that use channels neither hear of them nor are heard.
 * @throws UnsupportedOptionError for options that Millrace has nothing for, and for a subclass with a `subscribe` that its iterators would not call
 */
export class RedisPubSub implements PubSubEngine {
  readonly #triggers: Triggers;
  readonly #takesBytes: boolean;
  readonly #triggerTransform: TriggerTransform;

  constructor(options: PubSubRedisOptions = {}) {
    assertSupported(options, {
      connection: 'supported',
      connectionListener: 'supported',
      triggerTransform: 'supported',
      reviver: 'supported',
      serializer: 'supported',
      deserializer: 'supported',
      broker: 'supported',
      onError: 'supported',
      publisher: { remedy: ownClients },
      subscriber: { remedy: ownClients },
      messageEventName: { remedy: bytes },
      pmessageEventName: { remedy: bytes },
    });
    assertIteratesAsItSubscribes(this, RedisPubSub.prototype);
    if (options.broker) assertNothingBesideBroker(options);
    const { broker, onError, triggerTransform } = options;
    const format = new PayloadFormat(options);
    this.#takesBytes = broker !== undefined || options.serializer !== undefined;
    this.#triggerTransform = triggerTransform ?? ((trigger) => trigger);
    this.#triggers = new Triggers({
      broker: broker ?? createBroker(options, format),
      ownsBroker: broker === undefined,
      onError,
      transformOf: (trigger) => format.transformOf(trigger),
    });
  }

  /** Resolves once Redis has accepted the payload. */
  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- programs may name it
  async publish<Payload>(trigger: string, payload: Payload): Promise<void> {
    if (payload instanceof Uint8Array && !this.#takesBytes) {
      const remedy = 'give a `serializer` and a `deserializer`';
      throw new UnsupportedOptionError('a payload of bytes', remedy);
    }
    return this.#triggers.publish(trigger, payload);
  }

  /** Resolves with the number by which to unsubscribe; nothing that is published from then on is missed. */
  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- programs may name it
  subscribe<Payload = Loose>(
    trigger: string,
    onMessage: (payload: Payload) => unknown,
    options: object = {},
  ): Promise<number> {
    assertNoPattern(options);
    return this.#triggers.subscribe(this.#triggerTransform(trigger, options), onMessage);
  }

  /** @throws UsageError for a number that nobody has */
  unsubscribe(subId: number): void {
    this.#triggers.unsubscribe(subId);
  }

  /** What is published from now on. A single trigger is shared and resumed from; of several each subscriber reads its own. */
  asyncIterableIterator<Payload>(
    triggers: string | readonly string[],
    options: object = {},
  ): PayloadSource<Payload> {
    assertNoPattern(options);
    const given = typeof triggers === 'string' ? [triggers] : triggers;
    return this.#triggers.source(given.map((trigger) => this.#triggerTransform(trigger, options)));
  }

  /** The same as {@link RedisPubSub.asyncIterableIterator}. */
  asyncIterator<Payload>(
    triggers: string | readonly string[],
    options: object = {},
  ): PayloadSource<Payload> {
    return this.asyncIterableIterator(triggers, options);
  }

  /** @throws UnsupportedOptionError always: there is no client to give away */
  getSubscriber(): never {
    throw new UnsupportedOptionError('getSubscriber()', ownClients);
  }

  /** @throws UnsupportedOptionError always: there is no client to give away */
  getPublisher(): never {
    throw new UnsupportedOptionError('getPublisher()', ownClients);
  }

  /** Closes the connections that it made; a broker that was given is left alone. */
  close(): Promise<void> {
    return this.#triggers.close();
  }
}

function assertNothingBesideBroker(options: PubSubRedisOptions): void {
  const { connection, connectionListener, reviver, serializer, deserializer } = options;
  const settings = { connection, connectionListener, reviver, serializer, deserializer };
  const [wrong] = Object.entries(settings).find(([, value]) => value !== undefined) ?? [];
  if (wrong === undefined) return;
  throw new UnsupportedOptionError(
    wrong,
    'a broker that is given has its own settings; give them to `createRedisBroker`',
  );
}

function createBroker(options: PubSubRedisOptions, format: PayloadFormat): Broker {
  const report = createFailureReporter(options.onError);
  const tell = options.connectionListener ?? ((error) => error !== undefined && report(error));
  return createRedisBroker({
    url: toRedisUrl(options.connection),
    codec: format.codec,
    onStatus: (status) => {
      if (status.kind === 'ready') tell();
      if (status.kind === 'unavailable') tell(status.error);
    },
  });
}
