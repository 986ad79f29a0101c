/**
 * `PubSub` and `withFilter` as programs for `graphql-subscriptions` 2 and 3 use them, over any broker of Millrace.
 *
 * @packageDocumentation
 */
import { createMemoryBroker } from '../broker/memory.ts';
import type { Broker } from '../broker/types.ts';
import type { PayloadSource } from './pubsub/payload-source.ts';
import { Triggers, assertNoPattern } from './pubsub/triggers.ts';
import { assertIteratesAsItSubscribes } from './pubsub/assert-iterates.ts';
import type { FailureReporter } from './pubsub/report.ts';
import { assertSupported } from './unsupported-option.ts';
import type { Loose } from './loose.ts';

export { withFilter } from './pubsub/with-filter.ts';
export type { FilterFn, IterableResolverFn, ResolverFn } from './pubsub/with-filter.ts';
export type { PayloadSource } from './pubsub/payload-source.ts';
export { UnsupportedOptionError } from './unsupported-option.ts';

/** What everything that publishes and subscribes by triggers can do. */
export interface PubSubEngine {
  publish(triggerName: string, payload: Loose): Promise<void>;
  subscribe(
    triggerName: string,
    onMessage: (...args: Loose[]) => unknown,
    options?: object,
  ): Promise<number>;
  unsubscribe(subId: number): unknown;
  asyncIterableIterator<Payload>(
    triggers: string | readonly string[],
  ): AsyncIterableIterator<Payload>;
}

/** Options of {@link PubSub}. */
export interface PubSubOptions {
  /** Where triggers are published; it stays yours to close. @defaultValue a broker in memory, of this process alone */
  readonly broker?: Broker;
  /** Told what listeners throw, and of payloads that were lost on the way to one. @defaultValue writes to `console.error` */
  readonly onError?: FailureReporter;
}

/**
 * Publishes to triggers and subscribes to them.
 *
 * @remarks
 * Payloads are delivered after `publish`, not from inside it.
 * @throws UnsupportedOptionError for options that Millrace has nothing for, and for a subclass with a `subscribe` that its iterators would not call
 */
export class PubSub<
  Events extends { [event: string]: unknown } = Record<string, never>,
> implements PubSubEngine {
  readonly #triggers: Triggers;

  constructor(options: PubSubOptions = {}) {
    assertSupported(options, {
      broker: 'supported',
      onError: 'supported',
      eventEmitter: {
        remedy: 'give a `broker`, and publish to this object what was emitted',
      },
    });
    assertIteratesAsItSubscribes(this, PubSub.prototype);
    const { broker, onError } = options;
    this.#triggers = new Triggers({
      broker: broker ?? createMemoryBroker(),
      ownsBroker: broker === undefined,
      onError,
    });
  }

  /** Resolves once the broker has accepted the payload. */
  publish<Name extends keyof Events>(
    triggerName: Name & string,
    payload: Events[Name] extends never ? Loose : Events[Name],
  ): Promise<void> {
    return this.#triggers.publish(triggerName, payload);
  }

  /** Resolves with the number by which to unsubscribe; nothing that is published from then on is missed. */
  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- programs may name it
  subscribe<Name extends keyof Events>(
    triggerName: Name & string,
    onMessage: (...args: Loose[]) => unknown,
    options?: object,
  ): Promise<number> {
    assertNoPattern(options);
    return this.#triggers.subscribe(triggerName, onMessage);
  }

  /** @throws UsageError for a number that nobody has */
  unsubscribe(subId: number): void {
    this.#triggers.unsubscribe(subId);
  }

  /** What is published from now on. A single trigger is shared and resumed from; of several each subscriber reads its own. */
  asyncIterableIterator<Payload>(
    triggers: string | readonly string[],
    options?: object,
  ): PayloadSource<Payload> {
    assertNoPattern(options);
    return this.#triggers.source(typeof triggers === 'string' ? [triggers] : triggers);
  }

  /** {@link PubSub.asyncIterableIterator} by its name in version 2. */
  asyncIterator<Payload>(
    triggers: string | readonly string[],
    options?: object,
  ): PayloadSource<Payload> {
    return this.asyncIterableIterator(triggers, options);
  }

  /** Closes the broker in memory that it made; one that was given is left alone. */
  close(): Promise<void> {
    return this.#triggers.close();
  }
}
