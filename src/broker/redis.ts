import { SourceError, UsageError } from '../errors.ts';
import type { Clock, Position } from '../vocabulary.ts';
import { clientsLike, clientsOfUrl } from './redis/client-like.ts';
import type { RedisClientLike } from './redis/client-like.ts';
import { RedisConnection } from './redis/connection.ts';
import { RedisFeed } from './redis/feed.ts';
import { idempotencyKey, logKeys, wakeKey } from './redis/log-keys.ts';
import type { LogKeys } from './redis/log-keys.ts';
import { LogLooks } from './redis/log-looks.ts';
import { LogPages } from './redis/log-pages.ts';
import { createRedisLogReaders } from './redis/log-readers.ts';
import type { RedisLogReaders } from './redis/log-readers.ts';
import type { RedisLog } from './redis/redis-log.ts';
import { parsePublished } from './redis/replies.ts';
import { publishScript } from './redis/scripts.ts';
import { RedisWatch } from './redis/watch.ts';
import { encodeEvent, jsonCodec } from './remote/event-codec.ts';
import type { EventCodec } from './remote/event-codec.ts';
import { systemClock } from './remote/system-clock.ts';
import { Turnstile } from './remote/turnstile.ts';
import { createTopic } from './topic.ts';
import type { Broker, BrokerCapabilities, LogReader, PublishOptions, Topic } from './types.ts';

export type { RedisClientLike } from './redis/client-like.ts';
export type { EventCodec } from './remote/event-codec.ts';

/** Options of {@link createRedisBroker}; either `url` or `client` is needed. */
export interface RedisBrokerOptions {
  /** Where Redis is: `redis://127.0.0.1:6379`. */
  readonly url?: string;
  /** A client of the package `redis` whose settings are used for connections of the broker's own; it is neither used nor closed. */
  readonly client?: RedisClientLike;
  /** What the names of all keys begin with. @defaultValue 'millrace' */
  readonly prefix?: string;
  /** How events are stored. @defaultValue JSON */
  readonly codec?: EventCodec;
  readonly retention?: RedisRetention;
  /** How long Redis may take for anything before it counts as away; a dead connection without traffic takes twice as long to notice. @defaultValue 5_000 */
  readonly timeoutMs?: number;
  /** Time between comparisons of the logs in Redis with what this process knows of them. @defaultValue 30_000 */
  readonly checkMs?: number;
  /** @defaultValue the clock of the runtime */
  readonly clock?: Clock;
  /** Told when Redis goes away and comes back; what it throws is ignored. */
  readonly onStatus?: (status: RedisStatus) => void;
  /** Told of an entry of another program that is no event: readers do not get it. What it throws is ignored. @defaultValue nothing is done */
  readonly onInvalidEntry?: (error: SourceError) => void;
}

/** How much a log keeps. */
export interface RedisRetention {
  /** Events that a log keeps at least, and that are replayed at most. @defaultValue 1_000 */
  readonly events?: number;
  /** Estimated size of the events of one log that a process holds for its readers. @defaultValue 4_194_304 */
  readonly bytes?: number;
  /** Age of an event in milliseconds; ids of publications are remembered for as long. @defaultValue 3_600_000 */
  readonly ageMs?: number;
  /** A log that nobody used for this long leaves Redis. @defaultValue 86_400_000, or `ageMs` if that is longer */
  readonly idleMs?: number;
}

/** Whether Redis can be reached. */
export type RedisStatus =
  | { readonly kind: 'connecting' | 'ready' | 'closed' }
  | { readonly kind: 'unavailable'; readonly error: unknown };

/** A {@link Broker} over Redis Streams. */
export interface RedisBroker extends Broker {
  readonly status: RedisStatus;
}

const defaults = {
  prefix: 'millrace',
  timeoutMs: 5_000,
  checkMs: 30_000,
  retention: { events: 1_000, bytes: 4 * 1_024 * 1_024, ageMs: 3_600_000, idleMs: 86_400_000 },
} as const satisfies RedisBrokerOptions;

/** Parts of logs that are read from Redis at the same time, besides what is read live. */
const pagesAtOnce = 8;

/** Events that are published by one command. */
const eventsPerCommand = 100;

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

class LogsInRedis implements RedisBroker {
  readonly name = 'redis';
  readonly capabilities: BrokerCapabilities = {
    durable: true,
    ordered: true,
    replay: true,
    transactional: false,
  };
  readonly #prefix: string;
  readonly #codec: EventCodec;
  readonly #retention: Required<RedisRetention>;
  readonly #onStatus: ((status: RedisStatus) => void) | undefined;
  readonly #commands: RedisConnection;
  readonly #blocking: RedisConnection;
  readonly #readers: RedisLogReaders;
  readonly #watch: RedisWatch;
  readonly #feed: RedisFeed;
  #status: RedisStatus = { kind: 'connecting' };
  #closing: Promise<void> | undefined;

  constructor(options: RedisBrokerOptions) {
    const { clock = systemClock, timeoutMs = defaults.timeoutMs } = options;
    this.#prefix = options.prefix ?? defaults.prefix;
    this.#codec = options.codec ?? jsonCodec;
    this.#retention = toRetention(options.retention);
    this.#onStatus = options.onStatus;
    const connection = {
      createClient: toCreateClient(options),
      clock,
      timeoutMs,
      onChange: () => this.#updateStatus(),
    };
    this.#commands = new RedisConnection({
      ...connection,
      onReturn: () => this.#watch.checkAfterReturn(),
    });
    this.#blocking = new RedisConnection(connection);
    const { idleMs, ...limits } = this.#retention;
    const looks = new LogLooks({
      commands: this.#commands,
      idleMs,
      createEpoch,
      turnstile: new Turnstile(pagesAtOnce),
    });
    const onLost = (log: RedisLog, why: string) => this.#readers.lose(log, why);
    const pages = new LogPages({ looks, clock, onLost });
    this.#readers = createRedisLogReaders({
      looks,
      pages,
      clock,
      limits,
      codec: this.#codec,
      onInvalidEntry: (error) => tell(options.onInvalidEntry, error),
      onLog: () => {
        this.#feed.include();
        this.#watch.start();
      },
    });
    const shared = { commands: this.#commands, clock, logs: this.#readers.logs };
    this.#watch = new RedisWatch({
      ...shared,
      checkMs: options.checkMs ?? defaults.checkMs,
      idleMs,
      createEpoch,
      onLost,
    });
    this.#feed = new RedisFeed({
      ...shared,
      connection: this.#blocking,
      wakeKey: wakeKey(this.#prefix, crypto.randomUUID()),
      blockMs: Math.max(1, Math.min(timeoutMs, Math.floor(limits.ageMs / 4))),
      timeoutMs,
      pages,
      events: limits.events,
      ageMs: limits.ageMs,
      check: () => this.#watch.check(),
    });
    this.#commands.start();
  }

  get readerCount(): number {
    return this.#readers.readerCount;
  }

  get status(): RedisStatus {
    return this.#status;
  }

  async publish(
    topic: string,
    key: string,
    event: unknown,
    options: PublishOptions = {},
  ): Promise<Position> {
    this.#assertOpen();
    const id = options.idempotencyId;
    const publication = { stored: encodeEvent(this.#codec, event), id };
    const keys = logKeys(this.#prefix, topic, key);
    const [position] = await this.#publish(keys, [publication]);
    if (position === undefined) throw new SourceError('BROKER_UNAVAILABLE', 'Redis gave no id');
    return position;
  }

  async publishMany(
    topic: string,
    key: string,
    events: readonly unknown[],
    options: PublishOptions = {},
  ): Promise<readonly Position[]> {
    this.#assertOpen();
    const id = options.idempotencyId;
    const publications = events.map((event, i) => ({
      stored: encodeEvent(this.#codec, event),
      id: id === undefined ? undefined : `${id}/${i}`,
    }));
    const keys = logKeys(this.#prefix, topic, key);
    const parts: Promise<readonly Position[]>[] = [];
    for (let i = 0; i < publications.length; i += eventsPerCommand)
      parts.push(this.#publish(keys, publications.slice(i, i + eventsPerCommand)));
    return (await Promise.all(parts)).flat();
  }

  async head(topic: string, key: string): Promise<Position> {
    this.#assertOpen();
    return this.#readers.head(logKeys(this.#prefix, topic, key));
  }

  headNow(): undefined {
    return undefined;
  }

  async read(topic: string, key: string, after: Position | undefined): Promise<LogReader> {
    this.#assertOpen();
    return this.#readers.open(logKeys(this.#prefix, topic, key), after);
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
    this.#watch.close();
    this.#readers.end();
    await this.#feed.close();
    await this.#commands.close();
  }

  #assertOpen(): void {
    if (this.#closing) throw new SourceError('BROKER_CLOSED', 'the redis broker was closed');
  }

  async #publish(
    keys: LogKeys,
    publications: readonly Publication[],
  ): Promise<readonly Position[]> {
    const { events, ageMs, idleMs } = this.#retention;
    const idKeys = publications.flatMap(({ id }) =>
      id === undefined ? [] : idempotencyKey(keys, id),
    );
    const reply = await this.#commands.run({
      repeat: publications.every(({ id }) => id !== undefined) ? 'until-answered' : 'once',
      args: [
        'EVAL',
        publishScript,
        String(2 + idKeys.length),
        keys.stream,
        keys.epoch,
        ...idKeys,
        createEpoch(),
        String(idleMs),
        // one more than has to be kept: a position can be read from as long as its own event is there
        String(events + 1),
        String(ageMs),
        idKeys.length > 0 ? '1' : '0',
        ...publications.flatMap(({ stored, id = '' }) => [stored, id]),
      ],
    });
    const [epoch, ...ids] = parsePublished(reply);
    const lastId = ids.at(-1);
    if (lastId !== undefined) this.#watch.remember(keys, epoch, lastId);
    return ids.map((offset) => ({ epoch, offset }));
  }

  #updateStatus(): void {
    if (this.#closing) return;
    const lost = [this.#commands, this.#blocking].find(({ isReady, isNew }) => !isReady && !isNew);
    if (lost === undefined) this.#setStatus({ kind: 'ready' });
    else if (lost.lastError !== undefined)
      this.#setStatus({ kind: 'unavailable', error: lost.lastError });
  }

  #setStatus(status: RedisStatus): void {
    const hasChanged = status.kind !== this.#status.kind;
    this.#status = status;
    if (hasChanged) tell(this.#onStatus, status);
  }
}

/** What a hook throws is nobody's: it must not end what is going on. */
function tell<Told>(hook: ((told: Told) => void) | undefined, told: Told): void {
  try {
    hook?.(told);
  } catch {
    // ignored, as the options say
  }
}

interface Publication {
  readonly stored: string | Buffer;
  readonly id: string | undefined;
}

function toRetention(retention: RedisRetention = {}): Required<RedisRetention> {
  const { events, bytes, ageMs } = { ...defaults.retention, ...retention };
  for (const bound of [events, ageMs]) {
    if (!Number.isSafeInteger(bound) || bound < 1)
      throw new UsageError('the bounds of a log are whole numbers from 1 on');
  }
  const idleMs = Math.max(retention.idleMs ?? defaults.retention.idleMs, ageMs);
  return { events, bytes, ageMs, idleMs };
}

function toCreateClient({ url, client }: RedisBrokerOptions): () => RedisClientLike {
  if (client !== undefined) return clientsLike(client);
  if (url !== undefined) return clientsOfUrl(url);
  throw new UsageError('a redis broker needs `url` or `client`');
}

/** Short, because every entry holds it. */
function createEpoch(): string {
  return crypto.randomUUID().slice(-12);
}
