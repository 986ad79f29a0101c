import type { NatsConnection } from '@nats-io/transport-node';

import { UsageError } from '../errors.ts';
import type { Position } from '../vocabulary.ts';
import type { NatsLink } from './nats/connection.ts';
import { createLink } from './nats/create-link.ts';
import { NatsFeed } from './nats/feed.ts';
import { LogLooks } from './nats/log-looks.ts';
import { createNatsLogReaders } from './nats/log-readers.ts';
import type { NatsLogReaders } from './nats/log-readers.ts';
import { MessagePages } from './nats/message-pages.ts';
import type { NatsLog } from './nats/nats-log.ts';
import { NatsPublisher } from './nats/publisher.ts';
import { NatsStream } from './nats/stream.ts';
import { isPrefix, subjectOf } from './nats/subjects.ts';
import { NatsWatch } from './nats/watch.ts';
import { createEpoch } from './remote/epoch.ts';
import { jsonCodec } from './remote/event-codec.ts';
import { remoteDefaults } from './remote/options.ts';
import type { EncodedLogOptions } from './remote/options.ts';
import type { EncodedPublication } from './remote/publication.ts';
import { RemoteBroker } from './remote/remote-broker.ts';
import { toRetention } from './remote/retention.ts';
import type { RemoteRetention } from './remote/retention.ts';
import type { RemoteStatus } from './remote/status.ts';
import { systemClock } from './remote/system-clock.ts';
import { tell } from './remote/tell.ts';
import { Turnstile } from './remote/turnstile.ts';
import type { Broker, BrokerCapabilities } from './types.ts';

export type { EventCodec } from './remote/event-codec.ts';

/** Options of {@link createNatsBroker}; either `servers` or `connection` is needed. */
export interface NatsBrokerOptions extends EncodedLogOptions {
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
  readonly retention?: NatsRetention;
  /** Where a stream that is made keeps its events. @defaultValue 'file' */
  readonly storage?: 'file' | 'memory';
  /** Servers that keep a stream that is made. @defaultValue 1 */
  readonly replicas?: number;
  /** How long NATS may take for anything before it counts as away; a silent consumer takes three times as long to notice. @defaultValue 5_000 */
  readonly timeoutMs?: number;
}

/**
 * How much a log keeps.
 *
 * @remarks
 * A stream that is there already keeps what it is set to; `events` and `bytes` are then what a process replays and holds.
 */
export interface NatsRetention extends RemoteRetention {
  /** Events that a log keeps, and that are replayed at most. @defaultValue 1_000 */
  readonly events?: number;
  /** Age of an event in milliseconds, from 100 on; ids of publications are remembered for as long. @defaultValue 3_600_000 */
  readonly ageMs?: number;
  /** Size of all logs together in NATS, which sets it aside; the oldest events of all leave first. @defaultValue no bound but those of the server */
  readonly totalBytes?: number;
}

/** Whether NATS can be reached and read from. */
export type NatsStatus = RemoteStatus;

/** A {@link Broker} over JetStream. */
export interface NatsBroker extends Broker {
  readonly status: NatsStatus;
}

const defaults = {
  ...remoteDefaults,
  prefix: 'millrace',
  storage: 'file',
  replicas: 1,
} as const satisfies NatsBrokerOptions;

/** The shortest that NATS accepts as the time for which it remembers ids. */
const shortestAgeMs = 100;

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

class LogsInNats extends RemoteBroker<string> implements NatsBroker {
  readonly name = 'nats';
  readonly capabilities: BrokerCapabilities = {
    durable: true,
    ordered: true,
    replay: true,
    transactional: false,
  };
  protected override readonly readers: NatsLogReaders;
  readonly #prefix: string;
  readonly #link: NatsLink;
  readonly #publisher: NatsPublisher;
  readonly #feed: NatsFeed;
  readonly #watch: NatsWatch;

  constructor(options: NatsBrokerOptions) {
    const codec = options.codec ?? jsonCodec;
    super(codec, options.onStatus);
    const { clock = systemClock, timeoutMs = defaults.timeoutMs } = options;
    const limits = toRetention(options.retention, shortestAgeMs);
    const { events, ageMs } = limits;
    this.#prefix = toPrefix(options.prefix);
    const link = createLink(options, { clock, timeoutMs, onChange: () => this.#linkChanged() });
    const stream = new NatsStream({
      link,
      clock,
      createEpoch,
      settings: {
        name: this.#prefix,
        storage: options.storage ?? defaults.storage,
        replicas: options.replicas ?? defaults.replicas,
        totalBytes: options.retention?.totalBytes,
        events,
        ageMs,
      },
      onEpoch: (state) => {
        this.#loseAll('the stream in NATS is another one than before');
        this.#feed.restart(state);
      },
    });
    const looks = new LogLooks({ link, stream });
    const turnstile = new Turnstile(pagesAtOnce);
    this.#link = link;
    this.readers = createNatsLogReaders({
      stream,
      looks,
      pages: new MessagePages({ link, stream, looks, clock, timeoutMs, turnstile }),
      clock,
      limits,
      feed: () => this.#feed,
      codec,
      onInvalidEntry: (error) => tell(options.onInvalidEntry, error),
      onLog: () => this.#watch.start(),
    });
    const shared = { link, stream, looks, clock, logs: this.readers.logs };
    const onLost = (log: NatsLog, why: string) => this.readers.lose(log, why);
    const onChange = () => this.updateStatus();
    this.#feed = new NatsFeed({ ...shared, timeoutMs, events, onLost, onChange });
    const checkMs = options.checkMs ?? defaults.checkMs;
    this.#watch = new NatsWatch({ ...shared, checkMs, ageMs, feed: this.#feed });
    const onPublished = () => this.#watch.remember();
    this.#publisher = new NatsPublisher({ link, stream, onPublished });
  }

  protected addressOf(topic: string, key: string): string {
    return subjectOf(this.#prefix, topic, key);
  }

  protected publishOne(subject: string, one: EncodedPublication): Promise<Position> {
    return this.#publisher.publish(subject, one);
  }

  protected publishAll(
    subject: string,
    all: readonly EncodedPublication[],
  ): Promise<readonly Position[]> {
    return this.#publisher.publishMany(subject, all);
  }

  protected findStatus(): NatsStatus | undefined {
    const { isReady, lastError } = this.#link;
    const error = isReady ? this.#feed.lastError : lastError;
    if (error !== undefined) return { kind: 'unavailable', error };
    return isReady ? { kind: 'ready' } : undefined;
  }

  protected async closeParts(): Promise<void> {
    this.#watch.close();
    this.readers.end();
    this.#feed.close();
    await this.#link.close();
  }

  #loseAll(why: string): void {
    const logs: readonly NatsLog[] = [...this.readers.logs.values()];
    for (const log of logs) this.readers.lose(log, why);
  }

  #linkChanged(): void {
    this.updateStatus();
    if (this.#link.isReady) this.#watch.checkAfterReturn();
  }
}

function toPrefix(prefix: string = defaults.prefix): string {
  if (isPrefix(prefix)) return prefix;
  throw new UsageError('the prefix of a nats broker is 1 to 32 letters, digits, `_` and `-`');
}
