import { SourceError } from '../errors.ts';
import type { Instant, Position } from '../vocabulary.ts';
import { toTailLimits } from './log-tail.ts';
import type { LogTailLimits } from './log-tail.ts';
import { MemoryLog } from './memory-log.ts';
import { MemoryReader } from './memory-reader.ts';
import { RecencyList } from './recency-list.ts';
import { createTopic } from './topic.ts';
import type { Broker, BrokerCapabilities, LogReader, PublishOptions, Topic } from './types.ts';

/** Bounds of the memory broker, and what tests replace. The bounds of {@link LogTailLimits} hold for each log. */
export interface MemoryBrokerOptions extends LogTailLimits {
  /** Logs without readers that are kept; the one that was used least recently leaves first. @defaultValue 10_000 */
  readonly idleLogs?: number;
  /** Estimated size of the events of all logs; the log that was published to least recently loses events first. @defaultValue 268_435_456 */
  readonly totalBytes?: number;
  /** Names this broker's incarnation in positions. @defaultValue a random UUID */
  readonly epoch?: string;
  /** Milliseconds since 1970. @defaultValue Date.now */
  readonly now?: () => Instant;
}

const defaults = {
  idleLogs: 10_000,
  totalBytes: 256 * 1_024 * 1_024,
  now: Date.now,
} as const satisfies MemoryBrokerOptions;

/** Logs beside its own that a publish looks at for events that are too old. */
const logsTrimmedPerPublish = 2;

/** A {@link Broker} whose logs live in this process. The gauges are for metrics and leak tests. */
export interface MemoryBroker extends Broker {
  /** Logs that exist, with readers or without. */
  readonly logCount: number;
  /** Estimated size of all events that are held. */
  readonly heldBytes: number;
}

/**
 * A broker for one process.
 *
 * @remarks
 * At least once while the process lives; its end is the end of the epoch. Events are held by reference: do not change them after publishing.
 * They may be functions ("query on delivery"). A reader that a burst overruns (more events in one turn of the
 * event loop than `events`) gets `EVENTS_LOST`.
 */
export function createMemoryBroker(options: MemoryBrokerOptions = {}): MemoryBroker {
  return new LogsInMemory(options);
}

class LogsInMemory implements MemoryBroker {
  readonly name = 'memory';
  readonly capabilities: BrokerCapabilities = {
    durable: false,
    ordered: true,
    replay: true,
    transactional: false,
    local: true,
  };
  readonly #limits: Required<LogTailLimits>;
  readonly #idleLogs: number;
  readonly #totalBytes: number;
  readonly #epoch: string;
  readonly #now: () => Instant;
  readonly #topics = new Map<string, Map<string, MemoryLog>>();
  /** Logs without readers, the least recently used first. */
  readonly #idle = new RecencyList<MemoryLog>();
  /** Logs that hold events, the least recently published to first. */
  readonly #holding = new RecencyList<MemoryLog>();
  /**
   * The latest offset of any log that was dropped. A new log counts on from here, because it may be one of those: a position before
   * it may then lack events, one at it cannot.
   */
  #droppedOffset = 0;
  #logCount = 0;
  #readerCount = 0;
  #heldBytes = 0;
  #isClosed = false;

  constructor(options: MemoryBrokerOptions) {
    const { idleLogs, totalBytes, epoch, now, ...limits } = options;
    this.#limits = toTailLimits(limits);
    this.#idleLogs = idleLogs ?? defaults.idleLogs;
    this.#totalBytes = totalBytes ?? defaults.totalBytes;
    this.#epoch = epoch ?? crypto.randomUUID();
    this.#now = now ?? defaults.now;
  }

  get readerCount(): number {
    return this.#readerCount;
  }

  get logCount(): number {
    return this.#logCount;
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  publish(
    topic: string,
    key: string,
    event: unknown,
    options: PublishOptions = {},
  ): Promise<Position> {
    // no async function: what that holds of a call takes more memory than the entry
    try {
      this.#assertOpen();
      const log = this.#use(topic, key);
      const position = this.#append(log, event, options.idempotencyId);
      this.#dropSurplusLogs();
      return Promise.resolve(position);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  async publishMany(
    topic: string,
    key: string,
    events: readonly unknown[],
    options: PublishOptions = {},
  ): Promise<readonly Position[]> {
    this.#assertOpen();
    const log = this.#use(topic, key);
    const id = options.idempotencyId;
    const positions = events.map((event, i) =>
      this.#append(log, event, id === undefined ? undefined : `${id}/${i}`),
    );
    this.#dropSurplusLogs();
    return positions;
  }

  async head(topic: string, key: string): Promise<Position> {
    this.#assertOpen();
    return this.#head(topic, key);
  }

  headNow(topic: string, key: string): Position | undefined {
    return this.#isClosed ? undefined : this.#head(topic, key);
  }

  async read(topic: string, key: string, after: Position | undefined): Promise<LogReader> {
    this.#assertOpen();
    const log = this.#use(topic, key);
    this.#removeOldEvents(log, this.#now());
    return new MemoryReader(log, log.startAfter(after), {
      add: () => this.#retain(log),
      remove: () => this.#release(log),
    });
  }

  topic<Event>(name: string): Topic<Event> {
    return createTopic(this, name);
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const keys of this.#topics.values()) {
      for (const log of keys.values()) {
        log.tail.complete();
        if (log.readerCount === 0) this.#drop(log);
      }
    }
  }

  #assertOpen(): void {
    if (this.#isClosed) throw new SourceError('BROKER_CLOSED', 'the memory broker was closed');
  }

  #head(topic: string, key: string): Position {
    const log = this.#use(topic, key);
    this.#dropSurplusLogs();
    return log.head;
  }

  /** The log of (topic, key), made if need be, as the one that was used last. */
  #use(topic: string, key: string): MemoryLog {
    const log = this.#topics.get(topic)?.get(key) ?? this.#create(topic, key);
    if (log.readerCount === 0) this.#idle.touch(log.idleNode);
    return log;
  }

  #create(topic: string, key: string): MemoryLog {
    const log = new MemoryLog({
      topic,
      key,
      epoch: this.#epoch,
      limits: this.#limits,
      firstOffset: this.#droppedOffset + 1,
    });
    const keys = this.#topics.get(topic) ?? new Map<string, MemoryLog>();
    this.#topics.set(topic, keys.set(key, log));
    this.#logCount += 1;
    return log;
  }

  #append(log: MemoryLog, event: unknown, idempotencyId: string | undefined): Position {
    const earlier = idempotencyId === undefined ? undefined : log.published(idempotencyId);
    if (earlier !== undefined) return earlier;
    const now = this.#now();
    const bytesBefore = log.tail.heldBytes;
    const position = log.append(event, now, idempotencyId);
    this.#heldBytes += log.tail.heldBytes - bytesBefore;
    this.#holding.touch(log.holdingNode);
    this.#removeFromOthers(log, now);
    return position;
  }

  /**
   * Bounds what other logs hold: first by age, so that logs to which nobody publishes let go of old events without a timer, then by the size of all.
   *
   * @remarks
   * Looking at the logs published to least recently is enough: whatever is too old in a later one is at most twice the bound old, because that
   * log trimmed itself when it was last published to.
   */
  #removeFromOthers(log: MemoryLog, now: Instant): void {
    for (let i = 0; i < logsTrimmedPerPublish; i++) {
      const other = this.#holding.oldest;
      if (other === undefined || other === log) break;
      this.#removeOldEvents(other, now);
    }
    while (this.#heldBytes > this.#totalBytes) {
      const other = this.#holding.oldest;
      if (other === undefined || (other === log && log.headOffset === log.tail.firstIndex)) return;
      const bytesBefore = other.tail.heldBytes;
      other.tail.removeOldest();
      this.#countRemoved(other, bytesBefore);
    }
  }

  #removeOldEvents(log: MemoryLog, now: Instant): void {
    const bytesBefore = log.tail.heldBytes;
    log.tail.removeOlderThan(now);
    this.#countRemoved(log, bytesBefore);
  }

  #countRemoved(log: MemoryLog, bytesBefore: number): void {
    this.#heldBytes += log.tail.heldBytes - bytesBefore;
    if (log.isEmpty) this.#holding.remove(log.holdingNode);
  }

  #retain(log: MemoryLog): void {
    this.#idle.remove(log.idleNode);
    log.readerCount += 1;
    this.#readerCount += 1;
  }

  #release(log: MemoryLog): void {
    log.readerCount -= 1;
    this.#readerCount -= 1;
    if (log.readerCount > 0) return;
    if (this.#isClosed) {
      this.#drop(log);
      return;
    }
    this.#idle.touch(log.idleNode);
    this.#dropSurplusLogs();
  }

  #dropSurplusLogs(): void {
    while (this.#idle.size > this.#idleLogs && this.#idle.oldest !== undefined)
      this.#drop(this.#idle.oldest);
  }

  #drop(log: MemoryLog): void {
    this.#idle.remove(log.idleNode);
    this.#holding.remove(log.holdingNode);
    this.#heldBytes -= log.tail.heldBytes;
    this.#logCount -= 1;
    this.#droppedOffset = Math.max(this.#droppedOffset, log.headOffset);
    const keys = this.#topics.get(log.topic);
    keys?.delete(log.key);
    if (keys?.size === 0) this.#topics.delete(log.topic);
  }
}
