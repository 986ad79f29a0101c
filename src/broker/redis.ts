import { UsageError } from '../errors.ts';
import type { Position } from '../vocabulary.ts';
import { clientsLike, clientsOfUrl } from './redis/client-like.ts';
import type { CreateRedisClient, RedisClientLike } from './redis/client-like.ts';
import { RedisConnection } from './redis/connection.ts';
import { RedisFeed } from './redis/feed.ts';
import { logKeys, wakeKey } from './redis/log-keys.ts';
import type { LogKeys } from './redis/log-keys.ts';
import { LogLooks } from './redis/log-looks.ts';
import { LogPages } from './redis/log-pages.ts';
import { createRedisLogReaders } from './redis/log-readers.ts';
import type { RedisLogReaders } from './redis/log-readers.ts';
import { RedisPublisher } from './redis/publisher.ts';
import type { RedisLog } from './redis/redis-log.ts';
import { RedisWatch } from './redis/watch.ts';
import { createEpoch } from './remote/epoch.ts';
import { jsonCodec } from './remote/event-codec.ts';
import { remoteDefaults } from './remote/options.ts';
import type { EncodedLogOptions } from './remote/options.ts';
import type { EncodedPublication } from './remote/publication.ts';
import { RemoteBroker } from './remote/remote-broker.ts';
import { toIdleRetention } from './remote/retention.ts';
import type { IdleRetention } from './remote/retention.ts';
import { statusOf } from './remote/status.ts';
import type { RemoteStatus } from './remote/status.ts';
import { systemClock } from './remote/system-clock.ts';
import { tell } from './remote/tell.ts';
import { Turnstile } from './remote/turnstile.ts';
import type { Broker, BrokerCapabilities } from './types.ts';

export type { RedisClientLike } from './redis/client-like.ts';
export type { EventCodec } from './remote/event-codec.ts';

/** Options of {@link createRedisBroker}; either `url` or `client` is needed. */
export interface RedisBrokerOptions extends EncodedLogOptions {
  /** Where Redis is: `redis://127.0.0.1:6379`. */
  readonly url?: string;
  /** A client of the package `redis` whose settings are used for connections of the broker's own; it is neither used nor closed. */
  readonly client?: RedisClientLike;
  /** What the names of all keys begin with. @defaultValue 'millrace' */
  readonly prefix?: string;
  readonly retention?: RedisRetention;
  /** How long Redis may take for anything before it counts as away; a dead connection without traffic takes twice as long to notice. @defaultValue 5_000 */
  readonly timeoutMs?: number;
}

/** How much a log keeps. */
export interface RedisRetention extends IdleRetention {
  /** A log that nobody used for this long leaves Redis. @defaultValue 86_400_000, or `ageMs` if that is longer */
  readonly idleMs?: number;
}

/** Whether Redis can be reached. */
export type RedisStatus = RemoteStatus;

/** A {@link Broker} over Redis Streams. */
export interface RedisBroker extends Broker {
  readonly status: RedisStatus;
}

const defaults = { ...remoteDefaults, prefix: 'millrace' } as const satisfies RedisBrokerOptions;

/** Parts of logs that are read from Redis at the same time, besides what is read live. */
const pagesAtOnce = 8;

/**
 * A broker for many processes, over Redis Streams.
 *
 * @remarks
 * At least once inside retention, as far as Redis keeps what it accepted: what it lost is reported with `EVENTS_LOST` where anything shows
 * it. Two connections per process, however many logs are read; the second is made for the first reader. Needs Redis 7. Every event is decoded once per process and shared by its readers: do not change it.
 */
export function createRedisBroker(options: RedisBrokerOptions): RedisBroker {
  return new LogsInRedis(options);
}

class LogsInRedis extends RemoteBroker<LogKeys> implements RedisBroker {
  readonly name = 'redis';
  readonly capabilities: BrokerCapabilities = {
    durable: true,
    ordered: true,
    replay: true,
    transactional: false,
  };
  protected override readonly readers: RedisLogReaders;
  readonly #prefix: string;
  readonly #commands: RedisConnection;
  readonly #blocking: RedisConnection;
  readonly #publisher: RedisPublisher;
  readonly #watch: RedisWatch;
  readonly #feed: RedisFeed;

  constructor(options: RedisBrokerOptions) {
    const codec = options.codec ?? jsonCodec;
    super(codec, options.onStatus);
    const { clock = systemClock, timeoutMs = defaults.timeoutMs } = options;
    const { idleMs, ...limits } = toIdleRetention(options.retention);
    const { events, ageMs } = limits;
    this.#prefix = options.prefix ?? defaults.prefix;
    const onChange = () => this.updateStatus();
    const connection = { createClient: toCreateClient(options), clock, timeoutMs, onChange };
    const onReturn = () => this.#watch.checkAfterReturn();
    this.#commands = new RedisConnection({ ...connection, onReturn });
    this.#blocking = new RedisConnection(connection);
    const shared = { commands: this.#commands, clock, idleMs, createEpoch };
    const looks = new LogLooks({ ...shared, turnstile: new Turnstile(pagesAtOnce) });
    const onLost = (log: RedisLog, why: string) => this.readers.lose(log, why);
    const pages = new LogPages({ looks, clock, onLost });
    this.readers = createRedisLogReaders({
      looks,
      pages,
      clock,
      limits,
      codec,
      onInvalidEntry: (error) => tell(options.onInvalidEntry, error),
      onLog: () => {
        this.#feed.include();
        this.#watch.start();
      },
    });
    const { logs } = this.readers;
    const checkMs = options.checkMs ?? defaults.checkMs;
    this.#watch = new RedisWatch({ ...shared, logs, checkMs, onLost });
    this.#feed = new RedisFeed({
      commands: this.#commands,
      connection: this.#blocking,
      clock,
      logs,
      wakeKey: wakeKey(this.#prefix, crypto.randomUUID()),
      blockMs: Math.max(1, Math.min(timeoutMs, Math.floor(ageMs / 4))),
      timeoutMs,
      pages,
      events,
      ageMs,
      check: () => this.#watch.check(),
    });
    this.#publisher = new RedisPublisher({
      ...shared,
      events,
      ageMs,
      onPublished: (keys, epoch, lastId) => this.#watch.remember(keys, epoch, lastId),
    });
    this.#commands.start();
  }

  protected addressOf(topic: string, key: string): LogKeys {
    return logKeys(this.#prefix, topic, key);
  }

  protected publishOne(keys: LogKeys, one: EncodedPublication): Promise<Position> {
    return this.#publisher.publish(keys, one);
  }

  protected publishAll(
    keys: LogKeys,
    all: readonly EncodedPublication[],
  ): Promise<readonly Position[]> {
    return this.#publisher.publishMany(keys, all);
  }

  protected findStatus(): RedisStatus | undefined {
    return statusOf([this.#commands, this.#blocking]);
  }

  protected async closeParts(): Promise<void> {
    this.#watch.close();
    this.readers.end();
    await this.#feed.close();
    await this.#commands.close();
  }
}

function toCreateClient({ url, client }: RedisBrokerOptions): CreateRedisClient {
  if (client !== undefined) return clientsLike(client);
  if (url !== undefined) return clientsOfUrl(url);
  throw new UsageError('a redis broker needs `url` or `client`');
}
