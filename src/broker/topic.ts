import { SourceError, UsageError } from '../errors.ts';
import type { Position } from '../vocabulary.ts';
import type { EntryReader } from './entry-reader.ts';
import { createTopicSource } from './topic-source.ts';
import type { Broker, EventFunction, Topic, TopicPublishOptions, TopicSource } from './types.ts';

/** The typed view of one topic of `broker`: what {@link Broker.topic} of every implementation returns. */
export function createTopic<Event>(broker: Broker, name: string): Topic<Event> {
  return new BrokerTopic(broker, name);
}

class BrokerTopic<Event> implements Topic<Event> {
  readonly name: string;
  readonly #broker: Broker;

  constructor(broker: Broker, name: string) {
    this.#broker = broker;
    this.name = name;
  }

  publish(
    event: Event | EventFunction<Event>,
    options: TopicPublishOptions = {},
  ): Promise<Position> {
    // passed on as it is: an async function would make a promise of its own for each event, and settle it later
    try {
      return this.#broker.publish(this.name, toKey(options.key), event, options);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  async publishMany(
    events: readonly (Event | EventFunction<Event>)[],
    options: TopicPublishOptions = {},
  ): Promise<readonly Position[]> {
    return this.#broker.publishMany(this.name, toKey(options.key), events, options);
  }

  source(key?: string): TopicSource<Event> {
    const logKey = toKey(key);
    const start = this.#broker.headNow(this.name, logKey);
    return createTopicSource({
      owner: this.#broker,
      topic: this.name,
      key: logKey,
      startPosition: start,
      open: (after) =>
        after ? this.#broker.read(this.name, logKey, after) : this.#open(logKey, start),
    });
  }

  async #open(key: string, start: Position | undefined): Promise<EntryReader> {
    const reader = await this.#broker.read(this.name, key, start);
    if (reader.complete) return reader;
    await reader.close();
    throw new SourceError(
      'EVENTS_LOST',
      'events that followed the start of this source left the log before it was opened',
    );
  }
}

/** Keys come from arguments of the API, where TypeScript does not reach. */
function toKey(key: unknown): string {
  if (key === undefined) return '';
  if (typeof key === 'string') return key;
  throw new UsageError(
    `the key of a topic is a string, not ${key === null ? 'null' : `a ${typeof key}`}`,
  );
}
