import { setTimeout as pause } from 'node:timers/promises';

import type { Position } from 'millrace';

import { createEvent, nameOf } from './events.ts';
import type { LedgerEvent, Stream } from './events.ts';
import { Journal } from './journal.ts';

/** Sends an event to its log; rejects if nobody knows whether it was accepted. */
export type Publish = (event: LedgerEvent, idempotencyId: string) => Promise<Position>;

/** How fast and how large events are. */
export interface Pace {
  /** Between two events of one stream. */
  readonly intervalMs: number;
  readonly paddingBytes: number;
}

/** Before an event is sent again. */
const retryMs = 50;

/** Publishes to some streams at once, to each one event after the other, and writes down what was accepted. */
export class Publisher {
  readonly journal = new Journal();
  readonly streams: readonly Stream[];
  readonly #publish: Publish;
  readonly #usualPace: Pace;
  readonly #sequences = new Map<string, number>();
  readonly #paces = new Map<Stream, Pace>();
  #isStopped = false;
  #running: Promise<unknown> = Promise.resolve();

  constructor(streams: readonly Stream[], publish: Publish, intervalMs: number) {
    this.streams = streams;
    this.#usualPace = { intervalMs, paddingBytes: 0 };
    this.#publish = publish;
  }

  start(): void {
    this.#isStopped = false;
    this.#running = Promise.all(this.streams.map((stream) => this.#run(stream)));
  }

  /** Publishes so many more events to `streams` at another pace; resolves once they are accepted. */
  async flood(streams: readonly Stream[], events: number, pace: Pace): Promise<void> {
    const goals = streams.map((stream) => this.journal.of(stream).length + events);
    const isShort = (stream: Stream, i: number): boolean =>
      this.journal.of(stream).length < (goals[i] ?? 0);
    for (const stream of streams) this.#paces.set(stream, pace);
    while (!this.#isStopped && streams.some(isShort)) await pause(20);
    for (const stream of streams) this.#paces.delete(stream);
  }

  /** Resolves once what was sent last is accepted. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#running;
  }

  async #run(stream: Stream): Promise<void> {
    while (!this.#isStopped) {
      await this.publishTo(stream);
      await pause(this.#paceOf(stream).intervalMs);
    }
  }

  /** Sends the next event of a stream until it is accepted. */
  async publishTo(stream: Stream): Promise<void> {
    const event = this.#next(stream);
    const { sequence } = event;
    const name = nameOf(stream);
    for (let attempts = 1; ; attempts++) {
      try {
        const position = await this.#publish(event, `${name}/${sequence}`);
        return this.journal.enter(stream, { sequence, position, attempts });
      } catch {
        // whether it was accepted or not, it is sent again under the same id
        await pause(retryMs);
      }
    }
  }

  /** Has somebody else publish the next two events of a stream that nobody else publishes to meanwhile, and say at which positions. */
  async publishPair(
    stream: Stream,
    publish: (earlier: LedgerEvent, later: LedgerEvent) => Promise<readonly [Position, Position]>,
  ): Promise<void> {
    const events = [this.#next(stream), this.#next(stream)] as const;
    const positions = await publish(...events);
    for (const [i, { sequence }] of events.entries()) {
      const position = positions[i];
      if (position) this.journal.enter(stream, { sequence, position, attempts: 1 });
    }
  }

  /** An event that is in no account: whoever sees it has seen what was never published. */
  unpublished(stream: Stream): LedgerEvent {
    return createEvent({
      ...stream,
      sequence: Number.MAX_SAFE_INTEGER,
      at: Date.now(),
      padding: '',
    });
  }

  #next(stream: Stream): LedgerEvent {
    const name = nameOf(stream);
    const sequence = (this.#sequences.get(name) ?? 0) + 1;
    this.#sequences.set(name, sequence);
    const padding = 'x'.repeat(this.#paceOf(stream).paddingBytes);
    return createEvent({ ...stream, sequence, at: Date.now(), padding });
  }

  #paceOf(stream: Stream): Pace {
    return this.#paces.get(stream) ?? this.#usualPace;
  }
}
