import { UsageError } from '../errors.ts';
import type { Clock, Position } from '../vocabulary.ts';
import { PostgresCleaner } from './postgres/cleaner.ts';
import type { PostgresPoolLike, PostgresTransactionClient } from './postgres/client-like.ts';
import { PostgresConnection } from './postgres/connection.ts';
import { toConnections } from './postgres/connections.ts';
import type { PostgresConnections } from './postgres/connections.ts';
import { brokerClosed } from './postgres/failures.ts';
import { PostgresFeed } from './postgres/feed.ts';
import { toAddress } from './postgres/log-address.ts';
import type { LogAddress } from './postgres/log-address.ts';
import { LogQueries } from './postgres/log-queries.ts';
import { toNames } from './postgres/names.ts';
import type { PostgresNames, PostgresTableOptions } from './postgres/names.ts';
import { isPositionId } from './postgres/position-id.ts';
import { PostgresLog } from './postgres/postgres-log.ts';
import { toPublication, toPublications } from './postgres/publication.ts';
import { PostgresPublisher } from './postgres/publisher.ts';
import { createTransaction } from './postgres/transaction.ts';
import type { PostgresTransaction } from './postgres/transaction.ts';
import { RemoteLogReaders } from './remote/log-readers.ts';
import type { LogLook } from './remote/log-readers.ts';
import { systemClock } from './remote/system-clock.ts';
import { Turnstile } from './remote/turnstile.ts';
import { createTopic } from './topic.ts';
import type { Broker, BrokerCapabilities, LogReader, PublishOptions, Topic } from './types.ts';

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
export interface PostgresBrokerOptions extends PostgresTableOptions {
  /** Where PostgreSQL is: `postgres://user@127.0.0.1:5432/database`. With a `pool`, where one can listen: a pooler that lends a connection per transaction is in the way of that. */
  readonly url?: string;
  /** A pool of the package `pg` that is published with; without `url` its settings are used for the connection that listens. It is not closed. */
  readonly pool?: PostgresPoolLike;
  readonly retention?: PostgresRetention;
  /** How long PostgreSQL may take for anything before it counts as away. @defaultValue 5_000 */
  readonly timeoutMs?: number;
  /** Time between looks whether something was published that this process was not notified of. @defaultValue 2_000 */
  readonly pollMs?: number;
  /** Time between removals of what is not kept, by a process that reads or publishes; 0 where others do that. @defaultValue 30_000 */
  readonly cleanMs?: number;
  /** @defaultValue the clock of the runtime */
  readonly clock?: Clock;
  /** Told when PostgreSQL goes away and comes back; what it throws is ignored. */
  readonly onStatus?: (status: PostgresStatus) => void;
}

/** How much a log keeps. */
export interface PostgresRetention {
  /** Events that a log keeps at least, and that are replayed at most. @defaultValue 1_000 */
  readonly events?: number;
  /** Estimated size of the events of one log that a process holds for its readers. @defaultValue 4_194_304 */
  readonly bytes?: number;
  /** Age of an event in milliseconds; ids of publications are remembered for as long. @defaultValue 3_600_000 */
  readonly ageMs?: number;
  /** Where nothing was removed from a log, and nobody read it, for this long, it is forgotten where it had ended. @defaultValue 86_400_000, or `ageMs` if that is longer */
  readonly idleMs?: number;
}

/** Whether PostgreSQL can be reached. */
export type PostgresStatus =
  | { readonly kind: 'connecting' | 'ready' | 'closed' }
  | { readonly kind: 'unavailable'; readonly error: unknown };

/** A {@link Broker} over a table of PostgreSQL. */
export interface PostgresBroker extends Broker {
  readonly status: PostgresStatus;
  /** Publishes in the transaction that `client` is in. */
  in(client: PostgresTransactionClient): PostgresTransaction;
}

const defaults = {
  timeoutMs: 5_000,
  pollMs: 2_000,
  cleanMs: 30_000,
  retention: { events: 1_000, bytes: 4 * 1_024 * 1_024, ageMs: 3_600_000, idleMs: 86_400_000 },
} as const satisfies PostgresBrokerOptions;

/** Pages of history that are read from PostgreSQL at the same time. */
const pagesAtOnce = 8;

/** Logs whose past is read from PostgreSQL at the same time. */
const surveysAtOnce = 8;

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

class LogsInPostgres implements PostgresBroker {
  readonly name = 'postgres';
  readonly capabilities: BrokerCapabilities = {
    durable: true,
    ordered: true,
    replay: true,
    transactional: true,
  };
  readonly #names: PostgresNames;
  readonly #onStatus: ((status: PostgresStatus) => void) | undefined;
  readonly #connections: PostgresConnections;
  readonly #connection: PostgresConnection;
  readonly #publisher: PostgresPublisher;
  readonly #readers: RemoteLogReaders<LogAddress, LogLook, PostgresLog>;
  readonly #feed: PostgresFeed;
  readonly #cleaner: PostgresCleaner;
  #status: PostgresStatus = { kind: 'connecting' };
  #closing: Promise<void> | undefined;

  constructor(options: PostgresBrokerOptions) {
    const { clock = systemClock, timeoutMs = defaults.timeoutMs } = options;
    const { idleMs, ...limits } = toRetention(options.retention);
    this.#names = toNames(options);
    this.#onStatus = options.onStatus;
    this.#connections = toConnections(options, timeoutMs);
    const { pool, createClient } = this.#connections;
    const onChange = () => this.#updateStatus();
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
    const held = { clock, limits, queries, surveys: new Turnstile(surveysAtOnce) };
    const pages = new Turnstile(pagesAtOnce);
    this.#readers = new RemoteLogReaders({
      nameOf: ({ name }) => name,
      isId: isPositionId,
      look: (address, id) => queries.look(address, id),
      create: (address, { epoch, lastId }, firstIndex) =>
        new PostgresLog({ ...held, pages, address, epoch, lastId, firstIndex }),
      reach: (log, id) => this.#feed.reach(log, id),
      onLog: (log) => {
        this.#feed.add(log);
        this.#cleaner.start();
      },
      events: limits.events,
    });
    const { logs } = this.#readers;
    this.#feed = new PostgresFeed({
      connection: this.#connection,
      queries,
      clock,
      logs,
      pollMs: options.pollMs ?? defaults.pollMs,
      onLost: (log, why) => this.#readers.lose(log, why),
    });
    const { events, ageMs } = limits;
    const cleanMs = options.cleanMs ?? defaults.cleanMs;
    const kept = { events, ageMs, idleMs, cleanMs };
    this.#cleaner = new PostgresCleaner({ ...shared, ...kept, pool, logs });
  }

  get readerCount(): number {
    return this.#readers.readerCount;
  }

  get status(): PostgresStatus {
    return this.#status;
  }

  async publish(
    topic: string,
    key: string,
    event: unknown,
    options?: PublishOptions,
  ): Promise<Position> {
    this.#assertOpen();
    const publication = toPublication(topic, key, event, options);
    const position = await this.#publisher.publish(publication);
    this.#cleaner.remember(publication.address);
    return position;
  }

  async publishMany(
    topic: string,
    key: string,
    events: readonly unknown[],
    options?: PublishOptions,
  ): Promise<readonly Position[]> {
    this.#assertOpen();
    const publications = toPublications(topic, key, events, options);
    const positions = await this.#publisher.publishMany(publications);
    for (const { address } of publications.slice(0, 1)) this.#cleaner.remember(address);
    return positions;
  }

  in(client: PostgresTransactionClient): PostgresTransaction {
    return createTransaction(client, this.#names);
  }

  async head(topic: string, key: string): Promise<Position> {
    this.#assertOpen();
    return this.#readers.head(toAddress(topic, key));
  }

  headNow(): undefined {
    return undefined;
  }

  async read(topic: string, key: string, after: Position | undefined): Promise<LogReader> {
    this.#assertOpen();
    return this.#readers.open(toAddress(topic, key), after);
  }

  topic<Event>(name: string): Topic<Event> {
    return createTopic(this, name);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#setStatus({ kind: 'closed' });
    this.#cleaner.close();
    this.#feed.close();
    this.#readers.end();
    this.#connection.close();
    await this.#publisher.close();
    await this.#connections.close();
  }

  #assertOpen(): void {
    if (this.#closing) throw brokerClosed();
  }

  #updateStatus(): void {
    if (this.#closing) return;
    const lost = [this.#connection, this.#publisher].find(
      ({ isReady, isNew }) => !isReady && !isNew,
    );
    if (lost === undefined) this.#setStatus({ kind: 'ready' });
    else if (lost.lastError !== undefined)
      this.#setStatus({ kind: 'unavailable', error: lost.lastError });
  }

  #setStatus(status: PostgresStatus): void {
    const hasChanged = status.kind !== this.#status.kind;
    this.#status = status;
    if (!hasChanged) return;
    try {
      this.#onStatus?.(status);
    } catch {
      // ignored, as the options say
    }
  }
}

function toRetention(retention: PostgresRetention = {}): Required<PostgresRetention> {
  const { events, bytes, ageMs } = { ...defaults.retention, ...retention };
  for (const bound of [events, ageMs]) {
    if (!Number.isSafeInteger(bound) || bound < 1)
      throw new UsageError('the bounds of a log are whole numbers from 1 on');
  }
  const idleMs = Math.max(retention.idleMs ?? defaults.retention.idleMs, ageMs);
  return { events, bytes, ageMs, idleMs };
}
