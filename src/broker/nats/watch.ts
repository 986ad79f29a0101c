import type { Clock } from '../../vocabulary.ts';
import { Turnstile } from '../remote/turnstile.ts';
import type { NatsFeed } from './feed.ts';
import type { LogLooks } from './log-looks.ts';
import type { NatsLog } from './nats-log.ts';
import type { NatsStream } from './stream.ts';

/** What a {@link NatsWatch} is made from. */
export interface NatsWatchOptions {
  readonly stream: NatsStream;
  readonly feed: NatsFeed;
  readonly clock: Clock;
  readonly checkMs: number;
  readonly looks: LogLooks;
  /** By their subjects. */
  readonly logs: ReadonlyMap<string, NatsLog>;
  /** Age at which messages leave. */
  readonly ageMs: number;
}

/** Checks that find a publication before it counts as safe: a failover loses what is young. */
const checksUntilSafe = 2;

/** Logs that are extended at the same time. */
const extensionsAtOnce = 16;

/** Compares the stream with what this process knows of it, now and then. */
export class NatsWatch {
  readonly #options: NatsWatchOptions;
  #stopTimer: (() => void) | undefined;
  readonly #extensions = new Turnstile(extensionsAtOnce);
  /** Between comparisons. */
  readonly #intervalMs: number;
  #checksLeft = 0;
  #isClosed = false;

  constructor(options: NatsWatchOptions) {
    this.#options = options;
    // a log has to be extended before its last message leaves
    this.#intervalMs = Math.min(options.checkMs, options.ageMs / 4);
  }

  /** Something was published, which the stream must have from now on. */
  remember(): void {
    this.#checksLeft = checksUntilSafe;
    this.start();
  }

  /** Checks again and again for as long as there is something to check. */
  start(): void {
    if (this.#stopTimer !== undefined || this.#isClosed) return;
    this.#stopTimer = this.#options.clock.schedule(() => {
      void this.#checkInTime(); // never rejects
    }, this.#intervalMs);
  }

  /** NATS was away: what was published before may be gone. */
  checkAfterReturn(): void {
    if (this.#checksLeft > 0) void this.#options.stream.check().catch(() => undefined); // away again: the next return, or the next time, will do
  }

  close(): void {
    this.#isClosed = true;
    this.#stopTimer?.();
  }

  async #checkInTime(): Promise<void> {
    const { stream, feed } = this.#options;
    const known = stream.highestSequence;
    try {
      await stream.check();
      // what stood at the end of the stream a while ago has not come: it has left
      if (feed.isReading && feed.processedSequence < known && !this.#isClosed) feed.renew();
      this.#checksLeft = Math.max(0, this.#checksLeft - 1);
      await this.#extendQuietLogs();
    } catch {
      // NATS is away: the connection says so, and the stream is checked once it is back
    }
    this.#stopTimer = undefined;
    if (feed.isReading || this.#checksLeft > 0) this.start();
  }

  /**
   * Puts markers where the last message of a log would leave it before long, and with it the only proof that nothing followed.
   *
   * @remarks
   * The clocks of this machine and of NATS may differ by less than half of the age.
   */
  async #extendQuietLogs(): Promise<void> {
    const { logs, looks, ageMs } = this.#options;
    const quiet = [...logs.values()].filter(({ lastAt }) => Date.now() - lastAt > ageMs / 2);
    await Promise.all(quiet.map((log) => this.#extensions.pass(() => looks.extend(log))));
  }
}
