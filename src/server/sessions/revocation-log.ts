import type { Broker, LogEntry, LogReader } from '../../broker/types.ts';
import type { Clock, Position } from '../../vocabulary.ts';
import type { InternalErrorReporter } from '../masking.ts';
import type { RevocationEvent } from './revocation-options.ts';

/** What a {@link RevocationLog} is made of. */
export interface RevocationLogOptions {
  readonly broker: Broker;
  readonly topic: string;
  readonly clock: Clock;
  readonly report: InternalErrorReporter;
  readonly onEntry: (entry: LogEntry) => void;
  /** Entries may have been missed. */
  readonly onGap: () => void;
}

const firstPauseMs = 500;
const longestPauseMs = 30_000;

/** The log of one topic, read from the start of a server to its end. A broker that is away is tried again, and what it kept meanwhile is read. */
export class RevocationLog {
  /** Resolves once the log is read, or cannot be at first. */
  readonly opened: Promise<void>;
  readonly #options: RevocationLogOptions;
  #tellOpened: () => void = () => {};
  #reader: LogReader | undefined;
  #isClosed = false;
  /** The last entry that was read, or the head before the first. */
  #position: Position | undefined;
  #failures = 0;
  #endPause: (() => void) | undefined;

  constructor(options: RevocationLogOptions) {
    this.#options = options;
    this.opened = new Promise((resolve) => {
      this.#tellOpened = resolve;
    });
    void this.#follow(); // handles its own failures
  }

  get isReading(): boolean {
    return this.#reader !== undefined;
  }

  async publish(event: RevocationEvent, idempotencyId: string): Promise<void> {
    const { broker, topic } = this.#options;
    await broker.publish(topic, '', event, { idempotencyId });
  }

  /** Reads no more. Closing twice is harmless. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#endPause?.();
    await this.#reader?.close();
  }

  async #follow(): Promise<void> {
    while (!this.#isClosed) {
      try {
        await this.#readOn();
        return; // the broker was closed, or this was
      } catch (error) {
        this.#options.report(error, 'revocations');
        this.#failures += 1;
      } finally {
        this.#reader = undefined;
        this.#tellOpened();
      }
      await this.#pause();
    }
  }

  async #readOn(): Promise<void> {
    const { broker, topic, onEntry, onGap } = this.#options;
    const reader = await broker.read(topic, '', this.#position);
    if (this.#isClosed) return reader.close();
    this.#reader = reader;
    // whoever was there before the first reading was not protected by it
    const isSeamless = this.#position ? reader.complete : this.#failures === 0;
    if (!this.#position || !reader.complete) this.#position = reader.head;
    this.#failures = 0;
    this.#tellOpened();
    if (!isSeamless) onGap();
    for (let batch = await reader.read(); batch; batch = await reader.read()) {
      for (const entry of batch) {
        this.#position = entry.position;
        onEntry(entry);
      }
    }
  }

  async #pause(): Promise<void> {
    const pauseMs = Math.min(longestPauseMs, firstPauseMs * 2 ** (this.#failures - 1));
    if (this.#isClosed) return;
    await new Promise<void>((resolve) => {
      const cancel = this.#options.clock.schedule(resolve, pauseMs);
      this.#endPause = () => {
        cancel();
        resolve();
      };
    });
    this.#endPause = undefined;
  }
}
