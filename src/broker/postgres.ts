import type { Position } from '../vocabulary.ts';
import { PostgresCleaner } from './postgres/cleaner.ts';
import type { PostgresPoolLike, PostgresTransactionClient } from './postgres/client-like.ts';
import { PostgresConnection } from './postgres/connection.ts';
import { toConnections } from './postgres/connections.ts';
import type { PostgresConnections } from './postgres/connections.ts';
import { PostgresFeed } from './postgres/feed.ts';
import { toAddress } from './postgres/log-address.ts';
import type { LogAddress } from './postgres/log-address.ts';
import { LogQueries } from './postgres/log-queries.ts';
import { createPostgresLogReaders } from './postgres/log-readers.ts';
import type { PostgresLogReaders } from './postgres/log-readers.ts';
import { toNames } from './postgres/names.ts';
import type { PostgresNames, PostgresTableOptions } from './postgres/names.ts';
import { toPublication } from './postgres/publication.ts';
import { PostgresPublisher } from './postgres/publisher.ts';
import { createTransaction } from './postgres/transaction.ts';
import type { PostgresTransaction } from './postgres/transaction.ts';
import { jsonCodec } from './remote/event-codec.ts';
import { remoteDefaults } from './remote/options.ts';
import type { RemoteBrokerOptions } from './remote/options.ts';
import type { EncodedPublication } from './remote/publication.ts';
import { RemoteBroker } from './remote/remote-broker.ts';
import { toIdleRetention } from './remote/retention.ts';
import type { IdleRetention } from './remote/retention.ts';
import { statusOf } from './remote/status.ts';
import type { RemoteStatus } from './remote/status.ts';
import { systemClock } from './remote/system-clock.ts';
import type { Broker, BrokerCapabilities } from './types.ts';

export { postgresMigration } from './postgres/migration.ts';
export type {
  PostgresPoolClientLike,
  PostgresPoolLike,
  PostgresQuery,
  PostgresTransactionClient,
} from './postgres/client-like.ts';
export type { PostgresTableOptions } from './postgres/names.ts';
export type { PostgresTransaction, PostgresTransactionTopic } from './postgres/transaction.ts';

/** Options of {@link createPostgresBroker}; either `url` or `pool` is needed. */
export interface PostgresBrokerOptions extends PostgresTableOptions, RemoteBrokerOptions {
  /** Where PostgreSQL is: `postgres://user@127.0.0.1:5432/database`. With a `pool`, where one can listen: behind a pooler that lends a connection per transaction events are found every `pollMs` only. */
  readonly url?: string;
  /** A pool of the package `pg` that is published with; without `url` its settings are used for the connection that listens. It is not closed. */
  readonly pool?: PostgresPoolLike;
  readonly retention?: PostgresRetention;
  /** Time between looks whether something was published that this process was not notified of. @defaultValue 2_000 */
  readonly pollMs?: number;
  /** Time between removals of what is not kept, by a process that reads or publishes; 0 where others do that. @defaultValue 30_000 */
  readonly cleanMs?: number;
}

/** How much a log keeps. */
export interface PostgresRetention extends IdleRetention {
  /** Where nothing was removed from a log, and nobody read it, for this long, it is forgotten where it had ended. @defaultValue 86_400_000, or `ageMs` if that is longer */
  readonly idleMs?: number;
}

/** Whether PostgreSQL can be reached. */
export type PostgresStatus = RemoteStatus;

/** A {@link Broker} over a table of PostgreSQL. */
export interface PostgresBroker extends Broker {
  readonly status: PostgresStatus;
  /** Publishes in the transaction that `client` is in. */
  in(client: PostgresTransactionClient): PostgresTransaction;
}

const defaults = {
  timeoutMs: remoteDefaults.timeoutMs,
  pollMs: 2_000,
  cleanMs: 30_000,
} as const satisfies PostgresBrokerOptions;

/**
 * A broker for many processes, over a table of PostgreSQL that {@link postgresMigration} makes.
 *
 * @remarks
 * At least once inside retention, in the order in which transactions commit. One connection per process listens and reads, however many logs are
 * read; it is made for the first reader. Needs PostgreSQL 13. Every event is decoded once per process and shared by its readers: do not change it.
 */
export function createPostgresBroker(options: PostgresBrokerOptions): PostgresBroker {
  return new LogsInPostgres(options);
}

class LogsInPostgres extends RemoteBroker<LogAddress> implements PostgresBroker {
  readonly name = 'postgres';
  readonly capabilities: BrokerCapabilities = {
    durable: true,
    ordered: true,
    replay: true,
    transactional: true,
  };
  protected override readonly readers: PostgresLogReaders;
  readonly #names: PostgresNames;
  readonly #connections: PostgresConnections;
  readonly #connection: PostgresConnection;
  readonly #publisher: PostgresPublisher;
  readonly #feed: PostgresFeed;
  readonly #cleaner: PostgresCleaner;

  constructor(options: PostgresBrokerOptions) {
    super(jsonCodec, options.onStatus);
    const { clock = systemClock, timeoutMs = defaults.timeoutMs } = options;
    const { idleMs, ...limits } = toIdleRetention(options.retention);
    this.#names = toNames(options);
    this.#connections = toConnections(options, timeoutMs);
    const { pool, createClient } = this.#connections;
    const onChange = () => this.updateStatus();
    const shared = { names: this.#names, clock, timeoutMs };
    this.#connection = new PostgresConnection({
      ...shared,
      createClient,
      onChange,
      onReady: () => this.#feed.readAll(),
      onNotification: (payload) => this.#feed.notice(payload),
    });
    this.#publisher = new PostgresPublisher({ ...shared, pool, onChange });
    const queries = new LogQueries(this.#connection, this.#names);
    this.readers = createPostgresLogReaders({
      queries,
      clock,
      limits,
      feed: () => this.#feed,
      onLog: (log) => {
        this.#feed.add(log);
        this.#cleaner.start();
      },
    });
    const { logs } = this.readers;
    this.#feed = new PostgresFeed({
      connection: this.#connection,
      queries,
      clock,
      logs,
      pollMs: options.pollMs ?? defaults.pollMs,
      onLost: (log, why) => this.readers.lose(log, why),
    });
    const { events, ageMs } = limits;
    const cleanMs = options.cleanMs ?? defaults.cleanMs;
    const kept = { events, ageMs, idleMs, cleanMs };
    this.#cleaner = new PostgresCleaner({ ...shared, ...kept, pool, logs });
  }

  in(client: PostgresTransactionClient): PostgresTransaction {
    return createTransaction(client, this.#names);
  }

  protected addressOf(topic: string, key: string): LogAddress {
    return toAddress(topic, key);
  }

  protected async publishOne(address: LogAddress, one: EncodedPublication): Promise<Position> {
    const position = await this.#publisher.publish(toPublication(address, one));
    this.#cleaner.remember(address);
    return position;
  }

  protected async publishAll(
    address: LogAddress,
    all: readonly EncodedPublication[],
  ): Promise<readonly Position[]> {
    const publications = all.map((each) => toPublication(address, each));
    const positions = await this.#publisher.publishMany(publications);
    if (positions.length > 0) this.#cleaner.remember(address);
    return positions;
  }

  protected findStatus(): PostgresStatus | undefined {
    return statusOf([this.#connection, this.#publisher]);
  }

  protected async closeParts(): Promise<void> {
    this.#cleaner.close();
    this.#feed.close();
    this.readers.end();
    this.#connection.close();
    await this.#publisher.close();
    await this.#connections.close();
  }
}
