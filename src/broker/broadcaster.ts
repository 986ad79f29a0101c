import type { Source } from '../stream/source.ts';
import type { Instant } from '../vocabulary.ts';
import { Consumers } from './consumers.ts';
import type { ConsumerCount } from './consumers.ts';
import type { EntryReader } from './entry-reader.ts';
import { estimateBytes } from './estimate-bytes.ts';
import { LogTail, toTailLimits } from './log-tail.ts';
import type { EntryWaiter, LogTailLimits, TailCursor } from './log-tail.ts';
import { createTopicSource } from './topic-source.ts';

/** Bounds of a {@link Broadcaster}, and what tests replace. */
export interface BroadcasterOptions extends LogTailLimits {
  /** Milliseconds since 1970. @defaultValue Date.now */
  readonly now?: () => Instant;
  /** Told what an `onUnsubscribe` listener threw; nobody else is. @defaultValue nothing is done */
  readonly onListenerError?: (error: unknown) => void;
}

/** An entry without a position: nobody can resume from a broadcaster. */
interface BroadcastEntry<Event> {
  readonly event: Event;
  readonly publishedAt: Instant;
  readonly bytes: number;
}

/**
 * Publishes to whoever listens in this process, without a broker.
 *
 * @remarks
 * Every reader gets every event that is published after its source was made, in order, then the end or the failure. Readers are
 * independent. Publishing does not wait for them: what they have not read yet is held within the bounds of {@link LogTailLimits}, and a
 * reader that falls behind those fails with `EVENTS_LOST`.
 */
export class Broadcaster<Event> {
  readonly #tail: LogTail<BroadcastEntry<Event>>;
  readonly #now: () => Instant;
  readonly #onListenerError: ((error: unknown) => void) | undefined;
  readonly #listeners = new Set<UnsubscribeListener>();
  #subscriberCount = 0;

  constructor(options: BroadcasterOptions = {}) {
    const { now, onListenerError, ...limits } = options;
    this.#tail = new LogTail(toTailLimits(limits));
    this.#now = now ?? Date.now;
    this.#onListenerError = onListenerError;
  }

  /** Readers that are open: opened, and neither closed nor at their end. */
  get subscriberCount(): number {
    return this.#subscriberCount;
  }

  /** Ignored after `complete` or `fail`. */
  publish(event: Event): void {
    this.#tail.append({ event, publishedAt: this.#now(), bytes: estimateBytes(event) });
  }

  /** Ends every reader, also those to come, after what was published: they end without an error. Only the first end counts. */
  complete(): void {
    this.#tail.complete();
  }

  /** Ends every reader, also those to come, after what was published: they fail with `error`. Only the first end counts. */
  fail(error: unknown): void {
    this.#tail.fail(error);
  }

  /** The events from this call on for which `filter` returns, or resolves with, something truthy; all without one. */
  source(filter?: (event: Event) => unknown): Source<Event> {
    const start = this.#tail.nextIndex;
    const source = createTopicSource<Event>({
      owner: this,
      topic: '',
      key: '',
      open: async () => this.#open(start),
    });
    return filter === undefined ? source : source.filter(filter);
  }

  /**
   * Calls `listener` with the number of readers that are left each time one of them goes, for whatever reason.
   *
   * @returns a function that removes the listener
   */
  onUnsubscribe(listener: (subscriberCount: number) => void): () => void {
    // An object of its own, so that a function that was added twice can be removed once.
    const entry: UnsubscribeListener = { call: listener };
    this.#listeners.add(entry);
    return () => {
      this.#listeners.delete(entry);
    };
  }

  #open(start: number): EntryReader {
    return new BroadcastReader(this.#tail.cursor(start), {
      add: () => {
        this.#subscriberCount += 1;
      },
      remove: () => this.#leave(),
    });
  }

  #leave(): void {
    this.#subscriberCount -= 1;
    // A copy: a listener that is added while others are called waits for the next time.
    const listeners = [...this.#listeners];
    for (const listener of listeners) {
      if (this.#listeners.has(listener)) this.#notify(listener);
    }
  }

  #notify(listener: UnsubscribeListener): void {
    try {
      listener.call(this.#subscriberCount);
    } catch (error) {
      this.#onListenerError?.(error);
    }
  }
}

interface UnsubscribeListener {
  readonly call: (subscriberCount: number) => void;
}

class BroadcastReader<Event> implements EntryReader {
  readonly #cursor: TailCursor<BroadcastEntry<Event>>;
  readonly #consumers: Consumers;

  constructor(cursor: TailCursor<BroadcastEntry<Event>>, count: ConsumerCount) {
    this.#cursor = cursor;
    this.#consumers = new Consumers(count);
  }

  get nextIndex(): number {
    return this.#cursor.nextIndex;
  }

  adopt(reader: object): void {
    if (!(reader instanceof BroadcastReader)) return;
    this.#consumers.adopt(reader.#consumers);
    reader.#cursor.close();
  }

  removeConsumer(): void {
    this.#consumers.remove();
  }

  read(): Promise<readonly BroadcastEntry<Event>[] | undefined> {
    return this.#cursor.read();
  }

  poll(waiter: EntryWaiter): readonly BroadcastEntry<Event>[] | 'later' | undefined {
    return this.#cursor.poll(waiter);
  }

  async close(): Promise<void> {
    this.#cursor.close();
    this.#consumers.release();
  }
}
