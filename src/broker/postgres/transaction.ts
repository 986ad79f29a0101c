import type { PublishOptions, TopicPublishOptions } from '../types.ts';
import type { PostgresTransactionClient } from './client-like.ts';
import { failureOf, isMissing, notMigrated, notStorable } from './failures.ts';
import type { PostgresNames } from './names.ts';
import { toColumns, toPublication, toPublications } from './publication.ts';
import type { Publication } from './publication.ts';
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
    await this.#insert([toPublication(topic, key, event, options)]);
  }

  async publishMany(
    topic: string,
    key: string,
    events: readonly unknown[],
    options?: PublishOptions,
  ): Promise<void> {
    if (events.length > 0) await this.#insert(toPublications(topic, key, events, options));
  }

  topic<Event>(name: string): PostgresTransactionTopic<Event> {
    return {
      publish: (event, { key = '', ...options } = {}) => this.publish(name, key, event, options),
      publishMany: (events, { key = '', ...options } = {}) =>
        this.publishMany(name, key, events, options),
    };
  }

  async #insert(publications: readonly Publication[]): Promise<void> {
    try {
      await this.#client.query(this.#statement, toColumns(publications));
    } catch (error) {
      if (isMissing(error)) throw notMigrated(error);
      throw failureOf(error) === 'content' ? notStorable(error) : error;
    }
  }
}
