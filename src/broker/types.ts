import type { Snapshot, Source } from '../stream/source.ts';
import type { Instant, Position } from '../vocabulary.ts';

/**
 * Carries events between those who publish and those who read: within one process, or between many.
 *
 * @remarks
 * **Logs.** A broker holds one log for each (topic, key). Both are arbitrary strings, the empty one included, and no
 * two pairs may collide. A log comes into being when it is first used; there is nothing to declare.
 *
 * **Order.** Within one log every reader MUST see events in the order in which their `publish` was accepted. Between
 * logs there is no order. `capabilities.ordered: false` lifts this promise.
 *
 * **Publishing.** `publish` resolves once the broker has accepted the event, not once anyone has seen it; publishing
 * to nobody is not an error. It MUST NOT wait for readers, however slow. It rejects with a `SourceError`: `BROKER_CLOSED`
 * after `close()`, `EVENT_NOT_SERIALIZABLE` when the event cannot leave the process (a function, for instance).
 *
 * **Delivery.** While a log still holds an event, each of its readers gets that event. With `capabilities.replay` a reader that was
 * away gets what was published meanwhile (at least once; a consumer may see an event again after it resumed from an older
 * position); without it a reader gets only what is published while it is open (at most once). A reader that cannot have an event
 * that it should have had is *told*: see {@link LogReader}. There MUST NOT be a silent gap.
 *
 * **Retention.** Every log is bounded; the oldest events leave first. The bounds are options of each broker.
 *
 * **Positions.** `offset` is opaque to everyone but the broker that issued it; within one log and one epoch, later events have later
 * offsets. `epoch` names the incarnation of the log: when a broker can no longer relate an older offset to its log (the
 * process or the data is gone) it MUST use another epoch. A position names an event, and reading `after` it means strictly after. A broker MUST NOT
 * throw because of a position that it did not issue: it is one that cannot be read from.
 *
 * **Duplicates.** Of several publishes with the same `idempotencyId` to one log only the first adds an event, as long as the log still holds that event; the others
 * resolve with its position. `publishMany` gives its events the ids `<idempotencyId>/0`, `<idempotencyId>/1`, ….
 *
 * **Close.** After `close()` every reader ends: it MAY first give what it already holds, then resolves with
 * `undefined`. `publish`, `head` and `read` reject with `BROKER_CLOSED`. Closing twice is harmless.
 */
export interface Broker {
  /** What a person recognises it by, in logs and metrics: `memory`, `redis`. */
  readonly name: string;
  readonly capabilities: BrokerCapabilities;
  /** Readers that are open in this process, and consumers that share one; 0 again once everybody left. */
  readonly readerCount: number;
  publish(topic: string, key: string, event: unknown, options?: PublishOptions): Promise<Position>;
  /**
   * Publishes `events` to one log in their order, in fewer round trips than one by one.
   *
   * @remarks
   * Not atomic: events of others may stand between, and a rejection may leave a prefix published.
   */
  publishMany(
    topic: string,
    key: string,
    events: readonly unknown[],
    options?: PublishOptions,
  ): Promise<readonly Position[]>;
  /** The position after which the next event will stand. */
  head(topic: string, key: string): Promise<Position>;
  /** {@link Broker.head} where it is known without asking anybody; `undefined` otherwise. */
  headNow(topic: string, key: string): Position | undefined;
  /**
   * Starts to read strictly after `after`; without it, after the head.
   *
   * @remarks
   * Resolves only once the reader is registered: an event that is published from then on is not missed.
   */
  read(topic: string, key: string, after: Position | undefined): Promise<LogReader>;
  /** A typed view of all logs of one topic. Broker implementations return `createTopic(this, name)`. */
  topic<Event>(name: string): Topic<Event>;
  close(): Promise<void>;
}

/** What a broker promises beyond the least that every broker does. */
export interface BrokerCapabilities {
  /** Events survive the end of the process that published them. */
  readonly durable: boolean;
  /** Readers see the events of one log in the order of publication. */
  readonly ordered: boolean;
  /** Events are kept for a while and can be read later: delivery at least once within retention. */
  readonly replay: boolean;
  /** An event can be published in the user's own database transaction. */
  readonly transactional: boolean;
  /** Events do not leave this process. @defaultValue false */
  readonly local?: boolean;
}

/** Options of {@link Broker.publish}. */
export interface PublishOptions {
  /** Names this publication, so that a repeated attempt adds no second event. */
  readonly idempotencyId?: string;
}

/** One event as its log holds it. */
export interface LogEntry {
  readonly event: unknown;
  readonly position: Position;
  /** Milliseconds since 1970, on the clock of whoever accepted the event. */
  readonly publishedAt: Instant;
}

/** Consecutive entries of one log, never empty, at most a few hundred. */
export type LogBatch = readonly LogEntry[];

/**
 * Reads one log: first what it still holds after the asked position, then what is published, without a seam.
 *
 * @remarks
 * One consumer. Readers of one log are independent: closing one, or not reading from it, changes nothing for another.
 *
 * `complete` says at the start whether everything after the asked position is still held. If it is `false` (something was removed, the epoch is
 * another, the position was never issued) then *nothing* is replayed: reading starts at `head`. Without an asked position it is `true`.
 *
 * When events leave the log before this reader has read them, the next `read()` rejects with a `SourceError` `EVENTS_LOST` whose message
 * says which; the reader is closed then. Its consumer may start another one and knows that it has a gap.
 */
export interface LogReader {
  readonly epoch: string;
  readonly complete: boolean;
  /** The oldest event that was held when the reader started; `undefined` if there was none. */
  readonly earliest: Position | undefined;
  /** The head of the log when the reader started. */
  readonly head: Position;
  /**
   * The index of the next entry that `read` gives.
   *
   * @remarks
   * Local to the process: counted without gaps, and the same for all readers of one log that are open at the same time. A server shares one
   * reader among all who subscribe to a log only where it is present.
   */
  readonly nextIndex?: number;
  /**
   * The next entries; waits until there is one. `undefined` once the reader or its broker was closed.
   *
   * @remarks
   * Rejects once with a `SourceError` if reading became impossible, and resolves with `undefined` ever after. MUST NOT be called
   * while an earlier call is pending.
   */
  read(): Promise<LogBatch | undefined>;
  /**
   * Closes another reader of the same log, whose consumer from now on shares what is read here.
   *
   * @remarks
   * {@link Broker.readerCount} stays as it is: it counts consumers.
   */
  adopt?(reader: object): void;
  /** So many others, who have no reader of their own, share this one from now on. */
  addConsumers?(others: number): void;
  /** One of several consumers left. */
  removeConsumer?(): void;
  /** Releases the reader; a pending `read()` resolves with `undefined` at once. Closing twice is harmless. Never rejects. */
  close(): Promise<void>;
}

/**
 * An event that is computed for each recipient at delivery ("query on delivery").
 *
 * @remarks
 * It is never shared between recipients and cannot leave the process: brokers that serialise refuse it with
 * `EVENT_NOT_SERIALIZABLE`. `context` is the recipient's GraphQL context.
 */
export type EventFunction<Event> = (context: unknown) => Event | Promise<Event>;

/** The logs of one topic, one per key, with the type of their events. */
export interface Topic<Event> {
  readonly name: string;
  /** Resolves once the broker accepted the event; see {@link Broker.publish}. */
  publish(event: Event | EventFunction<Event>, options?: TopicPublishOptions): Promise<Position>;
  /** Publishes several events, in their order, to the log of one key. */
  publishMany(
    events: readonly (Event | EventFunction<Event>)[],
    options?: TopicPublishOptions,
  ): Promise<readonly Position[]>;
  /**
   * The events of one key from now on.
   *
   * @remarks
   * Synchronous, and holds nothing until it is opened. Where the broker knows its head at once (memory) "now" is this call; otherwise it
   * is the moment in which `open()` resolves.
   */
  source(key?: string): TopicSource<Event>;
}

/** Options of {@link Topic.publish}. */
export interface TopicPublishOptions extends PublishOptions {
  /** Selects the log within the topic. @defaultValue '' */
  readonly key?: string;
}

/**
 * A source over one log.
 *
 * @remarks
 * An {@link EventFunction} passes `map` by composition (the map is applied to what the function will return). It
 * cannot pass `filter`, because nothing is known of it before delivery: that event fails with a `UsageError`.
 *
 * If events after its start position have left the log before it is opened, `open()` rejects with `EVENTS_LOST`.
 */
export interface TopicSource<Event> extends Source<Event> {
  readonly identity: SourceIdentity;
  filter(predicate: (event: Event) => unknown): TopicSource<Event>;
  map<Result>(transform: (event: Event) => Result): TopicSource<Awaited<Result>>;
  startWith(snapshot: () => Snapshot<Event>): TopicSource<Event>;
}

/**
 * What a source reads and what it makes of it, apart from anything that belongs to one subscriber.
 *
 * @remarks
 * Two sources whose members are all the same (`maps` element by element, by reference) yield the same events and
 * may share one execution.
 */
export interface SourceIdentity {
  /** The broker, or the broadcaster. */
  readonly owner: object;
  readonly topic: string;
  readonly key: string;
  readonly maps: readonly unknown[];
}
