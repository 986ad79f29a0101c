import { jsonCodec } from '../remote/event-codec.ts';
import { encodePublication, encodePublications } from '../remote/publication.ts';
import type { EncodedPublication } from '../remote/publication.ts';
import type { PublishOptions, TopicPublishOptions } from '../types.ts';
import type { PostgresTransactionClient } from './client-like.ts';
import { failureOf, isMissing, notMigrated, notStorable } from './failures.ts';
import { toAddress } from './log-address.ts';
import type { LogAddress } from './log-address.ts';
import type { PostgresNames } from './names.ts';
import { toColumns, toPublication } from './publication.ts';
import { toInsertStatement } from './statements.ts';

/**
 * Publishes in a transaction of the user's own.
 *
 * @remarks
 * Events are delivered once the transaction has committed, in the order in which transactions commit; never after a rollback. They get their
 * positions only then, so nothing is answered. Rejects as `publish` of a broker does where the event, or the table, is at fault, and otherwise with what
 * the client rejects with.
 */
export interface PostgresTransaction {
  /** Resolves once the event is part of the transaction; as `publish` of a broker otherwise. */
  publish(topic: string, key: string, event: unknown, options?: PublishOptions): Promise<void>;
  publishMany(
    topic: string,
    key: string,
    events: readonly unknown[],
    options?: PublishOptions,
  ): Promise<void>;
  /** A typed view of one topic. */
  topic<Event>(name: string): PostgresTransactionTopic<Event>;
}

/** One topic, as a transaction publishes to it. */
export interface PostgresTransactionTopic<Event> {
  publish(event: Event, options?: TopicPublishOptions): Promise<void>;
  publishMany(events: readonly Event[], options?: TopicPublishOptions): Promise<void>;
}

export function createTransaction(
  client: PostgresTransactionClient,
  names: PostgresNames,
): PostgresTransaction {
  return new Transaction(client, names);
}

class Transaction implements PostgresTransaction {
  readonly #client: PostgresTransactionClient;
  readonly #statement: string;

  constructor(client: PostgresTransactionClient, names: PostgresNames) {
    this.#client = client;
    this.#statement = toInsertStatement(names);
  }

  async publish(
    topic: string,
    key: string,
    event: unknown,
    options?: PublishOptions,
  ): Promise<void> {
    const address = toAddress(topic, key);
    await this.#insert(address, [encodePublication(jsonCodec, event, options)]);
  }

  async publishMany(
    topic: string,
    key: string,
    events: readonly unknown[],
    options?: PublishOptions,
  ): Promise<void> {
    if (events.length === 0) return;
    const address = toAddress(topic, key);
    await this.#insert(address, encodePublications(jsonCodec, events, options));
  }

  topic<Event>(name: string): PostgresTransactionTopic<Event> {
    return {
      publish: (event, { key = '', ...options } = {}) => this.publish(name, key, event, options),
      publishMany: (events, { key = '', ...options } = {}) =>
        this.publishMany(name, key, events, options),
    };
  }

  async #insert(address: LogAddress, encoded: readonly EncodedPublication[]): Promise<void> {
    const publications = encoded.map((each) => toPublication(address, each));
    try {
      await this.#client.query(this.#statement, toColumns(publications));
    } catch (error) {
      if (isMissing(error)) throw notMigrated(error);
      throw failureOf(error) === 'content' ? notStorable(error) : error;
    }
  }
}
