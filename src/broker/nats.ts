import { connect } from '@nats-io/transport-node';
import type { NatsConnection } from '@nats-io/transport-node';

import { SourceError, UsageError } from '../errors.ts';
import type { Clock, Position } from '../vocabulary.ts';
import { NatsLink } from './nats/connection.ts';
import { NatsFeed } from './nats/feed.ts';
import { LogLooks } from './nats/log-looks.ts';
import { createNatsLogReaders } from './nats/log-readers.ts';
import type { NatsLogReaders } from './nats/log-readers.ts';
import { MessagePages } from './nats/message-pages.ts';
import type { NatsLog } from './nats/nats-log.ts';
import { NatsPublisher } from './nats/publisher.ts';
import { parseServers } from './nats/servers.ts';
import { NatsStream } from './nats/stream.ts';
import type { NatsStreamSettings } from './nats/stream.ts';
import { isPrefix, subjectOf } from './nats/subjects.ts';
import { NatsWatch } from './nats/watch.ts';
import { encodeEvent, jsonCodec } from './remote/event-codec.ts';
import type { EventCodec } from './remote/event-codec.ts';
import { systemClock } from './remote/system-clock.ts';
import { Turnstile } from './remote/turnstile.ts';
import { createTopic } from './topic.ts';
import type { Broker, BrokerCapabilities, LogReader, PublishOptions, Topic } from './types.ts';

export type { EventCodec } from './remote/event-codec.ts';

/** Options of {@link createNatsBroker}; either `servers` or `connection` is needed. */
export interface NatsBrokerOptions {
  /**
   * Where NATS is: `nats://127.0.0.1:4222`, or several addresses of one cluster.
   *
   * @remarks
   * Credentials may stand in front: `nats://user:password@host` or `nats://token@host`, percent-encoded, and the same ones wherever there are some.
   */
  readonly servers?: string | readonly string[];
  /** A connection of the package `@nats-io/transport-node`, which stays yours: it is not closed, and comes back by its own settings. */
  readonly connection?: NatsConnection;
  /** The name of the stream, and what its subjects begin with: 1 to 32 letters, digits, `_` and `-`. @defaultValue 'millrace' */
  readonly prefix?: string;
  /** How events are stored. @defaultValue JSON */
  readonly codec?: EventCodec;
  readonly retention?: NatsRetention;
  /** Where a stream that is made keeps its events. @defaultValue 'file' */
  readonly storage?: 'file' | 'memory';
  /** Servers that keep a stream that is made. @defaultValue 1 */
  readonly replicas?: number;
  /** How long NATS may take for anything before it counts as away; a silent consumer takes three times as long to notice. @defaultValue 5_000 */
  readonly timeoutMs?: number;
  /** Time between comparisons of the stream with what this process knows of it. @defaultValue 30_000 */
  readonly checkMs?: number;
  /** @defaultValue the clock of the runtime */
  readonly clock?: Clock;
  /** Told when NATS goes away and comes back; what it throws is ignored. */
  readonly onStatus?: (status: NatsStatus) => void;
  /** Told of a message of another program that is no event: readers do not get it. What it throws is ignored. @defaultValue nothing is done */
  readonly onInvalidEntry?: (error: SourceError) => void;
}

/**
 * How much a log keeps.
 *
 * @remarks
 * A stream that is there already keeps what it is set to; `events` and `bytes` are then what a process replays and holds.
 */
export interface NatsRetention {
  /** Events that a log keeps, and that are replayed at most. @defaultValue 1_000 */
  readonly events?: number;
  /** Estimated size of the events of one log that a process holds for its readers. @defaultValue 4_194_304 */
  readonly bytes?: number;
  /** Age of an event in milliseconds, from 100 on; ids of publications are remembered for as long. @defaultValue 3_600_000 */
  readonly ageMs?: number;
  /** Size of all logs together in NATS, which sets it aside; the oldest events of all leave first. @defaultValue no bound but those of the server */
  readonly totalBytes?: number;
}

/** Whether NATS can be reached and read from. */
export type NatsStatus =
  | { readonly kind: 'connecting' | 'ready' | 'closed' }
  | { readonly kind: 'unavailable'; readonly error: unknown };

/** A {@link Broker} over JetStream. */
export interface NatsBroker extends Broker {
  readonly status: NatsStatus;
}

const defaults = {
  prefix: 'millrace',
  storage: 'file',
  replicas: 1,
  timeoutMs: 5_000,
  checkMs: 30_000,
  retention: { events: 1_000, bytes: 4 * 1_024 * 1_024, ageMs: 3_600_000 },
} as const satisfies NatsBrokerOptions;

/** Parts of logs that are read from NATS at the same time, besides what is read live. */
const pagesAtOnce = 8;

/**
 * A broker for many processes, over one stream of JetStream.
 *
 * @remarks
 * At least once inside retention, as far as NATS keeps what it accepted: what it lost is reported with `EVENTS_LOST` where anything shows
 * it. One connection per process, and one consumer of the whole stream, made for the first reader. Needs a server from 2.9 on. Every event is decoded once per process and shared by its readers: do not change it.
 */
export function createNatsBroker(options: NatsBrokerOptions): NatsBroker {
  return new LogsInNats(options);
}

class LogsInNats implements NatsBroker {
  readonly name = 'nats';
  readonly capabilities: BrokerCapabilities = {
    durable: true,
    ordered: true,
    replay: true,
    transactional: false,
  };
  readonly #prefix: string;
  readonly #codec: EventCodec;
  readonly #onStatus: ((status: NatsStatus) => void) | undefined;
  readonly #link: NatsLink;
  readonly #publisher: NatsPublisher;
  readonly #readers: NatsLogReaders;
  readonly #feed: NatsFeed;
  readonly #watch: NatsWatch;
  #status: NatsStatus = { kind: 'connecting' };
  #closing: Promise<void> | undefined;

  constructor(options: NatsBrokerOptions) {
    const { clock = systemClock, timeoutMs = defaults.timeoutMs } = options;
    const limits = toRetention(options.retention);
    this.#prefix = toPrefix(options.prefix);
    this.#codec = options.codec ?? jsonCodec;
    this.#onStatus = options.onStatus;
    const link = createLink(options, { clock, timeoutMs, onChange: () => this.#linkChanged() });
    const stream = new NatsStream({
      link,
      clock,
      createEpoch,
      settings: toStreamSettings(this.#prefix, options),
      onEpoch: (state) => {
        this.#loseAll('the stream in NATS is another one than before');
        this.#feed.restart(state);
      },
    });
    const looks = new LogLooks({ link, stream });
    const turnstile = new Turnstile(pagesAtOnce);
    const pages = new MessagePages({ link, stream, looks, timeoutMs, turnstile });
    this.#link = link;
    this.#readers = createNatsLogReaders({
      stream,
      looks,
      pages,
      clock,
      limits,
      feed: () => this.#feed,
      codec: this.#codec,
      onInvalidEntry: (error) => tell(options.onInvalidEntry, error),
      onLog: () => this.#watch.start(),
    });
    const shared = { link, stream, looks, clock, logs: this.#readers.logs };
    this.#feed = new NatsFeed({
      ...shared,
      timeoutMs,
      events: limits.events,
      onLost: (log, why) => this.#readers.lose(log, why),
      onChange: () => this.#updateStatus(),
    });
    this.#watch = new NatsWatch({
      ...shared,
      checkMs: options.checkMs ?? defaults.checkMs,
      ageMs: limits.ageMs,
      feed: this.#feed,
    });
    this.#publisher = new NatsPublisher({
      link,
      stream,
      onPublished: () => this.#watch.remember(),
    });
  }

  get readerCount(): number {
    return this.#readers.readerCount;
  }

  get status(): NatsStatus {
    return this.#status;
  }

  async publish(
    topic: string,
    key: string,
    event: unknown,
    options: PublishOptions = {},
  ): Promise<Position> {
    this.#assertOpen();
    const stored = encodeEvent(this.#codec, event);
    const subject = subjectOf(this.#prefix, topic, key);
    return this.#publisher.publish(subject, { stored, id: options.idempotencyId });
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
    return this.#publisher.publishMany(subjectOf(this.#prefix, topic, key), publications);
  }

  async head(topic: string, key: string): Promise<Position> {
    this.#assertOpen();
    return this.#readers.head(subjectOf(this.#prefix, topic, key));
  }

  headNow(): undefined {
    return undefined;
  }

  async read(topic: string, key: string, after: Position | undefined): Promise<LogReader> {
    this.#assertOpen();
    return this.#readers.open(subjectOf(this.#prefix, topic, key), after);
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
    this.#feed.close();
    await this.#link.close();
  }

  #assertOpen(): void {
    if (this.#closing) throw new SourceError('BROKER_CLOSED', 'the nats broker was closed');
  }

  #loseAll(why: string): void {
    const logs: readonly NatsLog[] = [...this.#readers.logs.values()];
    for (const log of logs) this.#readers.lose(log, why);
  }

  #linkChanged(): void {
    this.#updateStatus();
    if (this.#link.isReady) this.#watch.checkAfterReturn();
  }

  #updateStatus(): void {
    if (this.#closing) return;
    const error = this.#link.isReady ? this.#feed.lastError : this.#link.lastError;
    if (error !== undefined) this.#setStatus({ kind: 'unavailable', error });
    else if (this.#link.isReady) this.#setStatus({ kind: 'ready' });
  }

  #setStatus(status: NatsStatus): void {
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

/** The shortest that NATS accepts as the time for which it remembers ids. */
const shortestAgeMs = 100;

function toRetention(retention: NatsRetention = {}): Required<Omit<NatsRetention, 'totalBytes'>> {
  const { events, bytes, ageMs } = { ...defaults.retention, ...retention };
  for (const [bound, least] of [
    [events, 1],
    [ageMs, shortestAgeMs],
  ] as const) {
    if (!Number.isSafeInteger(bound) || bound < least)
      throw new UsageError(
        `the bounds of a log are whole numbers: events from 1 on, milliseconds from ${shortestAgeMs} on`,
      );
  }
  return { events, bytes, ageMs };
}

function toStreamSettings(name: string, options: NatsBrokerOptions): NatsStreamSettings {
  const { events, ageMs } = toRetention(options.retention);
  return {
    name,
    storage: options.storage ?? defaults.storage,
    replicas: options.replicas ?? defaults.replicas,
    totalBytes: options.retention?.totalBytes,
    events,
    ageMs,
  };
}

function toPrefix(prefix: string = defaults.prefix): string {
  if (isPrefix(prefix)) return prefix;
  throw new UsageError('the prefix of a nats broker is 1 to 32 letters, digits, `_` and `-`');
}

function createLink(
  { servers, connection }: NatsBrokerOptions,
  options: Pick<ConstructorParameters<typeof NatsLink>[0], 'clock' | 'timeoutMs' | 'onChange'>,
): NatsLink {
  if (connection !== undefined)
    return new NatsLink({
      ...options,
      owner: 'user',
      connect: async () => {
        if (!connection.isClosed()) return connection;
        throw new Error('the connection was closed');
      },
    });
  if (servers === undefined) throw new UsageError('a nats broker needs `servers` or `connection`');
  const { addresses, authenticator } = parseServers(
    typeof servers === 'string' ? [servers] : servers,
  );
  return new NatsLink({
    ...options,
    owner: 'broker',
    connect: () =>
      connect({
        servers: [...addresses],
        ...(authenticator && { authenticator }),
        name: 'millrace',
        timeout: options.timeoutMs,
        pingInterval: options.timeoutMs,
        // whoever uses it connects anew
        reconnect: false,
        noAsyncTraces: true,
      }),
  });
}

/** Short, because every position holds it. */
function createEpoch(): string {
  return crypto.randomUUID().slice(-12);
}
