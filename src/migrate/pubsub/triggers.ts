import type { Broker } from '../../broker/types.ts';
import { UnsupportedOptionError } from '../unsupported-option.ts';
import { Listeners } from './listeners.ts';
import type { PayloadListener } from './listeners.ts';
import { createPayloadSource } from './payload-source.ts';
import type { PayloadSource } from './payload-source.ts';
import { createFailureReporter } from './report.ts';
import type { FailureReporter } from './report.ts';

/** What triggers are published to and read from. */
export interface TriggerSettings {
  readonly broker: Broker;
  /** Whether {@link Triggers.close} closes the broker as well. */
  readonly ownsBroker: boolean;
  readonly onError: FailureReporter | undefined;
  /** What is done with the payloads of a trigger first. */
  readonly transformOf?: TransformOf;
}

type TransformOf = (trigger: string) => ((stored: unknown) => unknown) | undefined;

/** A broker as those libraries see one: each trigger name is a topic, and its payloads are root values. */
export class Triggers {
  readonly #broker: Broker;
  readonly #ownsBroker: boolean;
  readonly #listeners: Listeners;
  readonly #transformOf: TransformOf | undefined;

  constructor({ broker, ownsBroker, onError, transformOf }: TriggerSettings) {
    this.#transformOf = transformOf;
    this.#broker = broker;
    this.#ownsBroker = ownsBroker;
    this.#listeners = new Listeners(createFailureReporter(onError));
  }

  async publish(trigger: string, payload: unknown): Promise<void> {
    await this.#broker.publish(trigger, '', payload);
  }

  subscribe<Payload>(trigger: string, listener: PayloadListener<Payload>): Promise<number> {
    return this.#listeners.add(() => this.source<Payload>([trigger]).open(), listener);
  }

  unsubscribe(id: number): void {
    this.#listeners.remove(id);
  }

  source<Payload>(triggers: readonly string[]): PayloadSource<Payload> {
    return createPayloadSource(
      this.#broker,
      triggers.map((topic) => ({ topic, transform: this.#transformOf?.(topic) })),
    );
  }

  async close(): Promise<void> {
    if (this.#ownsBroker) await this.#broker.close();
  }
}

/** @throws UnsupportedOptionError for a subscription by a pattern */
export function assertNoPattern(options: unknown): void {
  const { pattern } = (options ?? {}) as { readonly pattern?: unknown }; // anything but null and undefined has properties
  if (pattern === undefined || pattern === false) return;
  throw new UnsupportedOptionError(
    'pattern',
    'brokers read whole logs, so publish to one trigger what was read by a pattern, and choose with withFilter; a list of triggers is read as well',
  );
}
