import type { Topic } from 'millrace/broker';

/** One of the server processes. */
export interface ServerProcess {
  readonly name: string;
  readonly pid: number;
}

/** What is published, by a server that ticks or by a window of the page. */
export interface Message {
  /** Each process and each window has its own, and numbers its messages from 1 without leaving one out: so whoever reads them can tell what is missing. */
  readonly publisher: string;
  readonly sequence: number;
  readonly text: string;
  /** The process that gave it to the broker. */
  readonly publishedBy: ServerProcess;
}

interface Tick {
  readonly publisher: string;
  readonly sequence: number;
  readonly everyMs: number;
}

const retryMs = 200;

/** Publishes to one log for all; the same publisher and sequence again add nothing. */
export class Messages {
  readonly topic: Topic<Message>;
  readonly #self: ServerProcess;
  #ticking: NodeJS.Timeout | undefined;
  #isStopped = false;

  constructor(topic: Topic<Message>, self: ServerProcess) {
    this.topic = topic;
    this.#self = self;
  }

  /** Rejects if nobody knows whether the broker accepted it. */
  async publish(message: Omit<Message, 'publishedBy'>): Promise<void> {
    await this.topic.publish(
      { ...message, publishedBy: this.#self },
      { idempotencyId: `${message.publisher}/${message.sequence}` },
    );
  }

  /** Publishes a message every now and then until {@link Messages.stop}. */
  tick(everyMs: number): void {
    const publisher = `${this.#self.name} ${this.#self.pid} ${Date.now().toString(36)}`;
    this.#tickAfter(everyMs, { publisher, sequence: 1, everyMs });
  }

  stop(): void {
    clearTimeout(this.#ticking);
    this.#isStopped = true;
  }

  #tickAfter(delayMs: number, tick: Tick): void {
    if (!this.#isStopped) this.#ticking = setTimeout(() => void this.#tick(tick), delayMs);
  }

  /** What was not accepted, or may have been, comes again before the next one. Never rejects. */
  async #tick(tick: Tick): Promise<void> {
    const { publisher, sequence, everyMs } = tick;
    try {
      await this.publish({ publisher, sequence, text: `tick ${sequence}` });
      this.#tickAfter(everyMs, { ...tick, sequence: sequence + 1 });
    } catch {
      this.#tickAfter(retryMs, tick);
    }
  }
}
