import type { Clock, Instant } from '../vocabulary.ts';

/** What a {@link Lane} needs to know of time. */
export type LaneClock = Pick<Clock, 'now' | 'schedule'>;

interface Passenger<Item> {
  readonly item: Item;
  readonly dueAt: Instant;
}

/** One direction of a connection in memory: keeps the order, and never delivers from inside `push`. */
export class Lane<Item> {
  /** How long what is pushed from now on is on its way; it overtakes nothing. */
  delayMs = 0;
  readonly #clock: LaneClock;
  readonly #deliver: (item: Item) => void;
  #passengers: Passenger<Item>[] = [];
  #state: 'flowing' | 'stalled' | 'cut' = 'flowing';
  #isAwaited = false;
  #cancelTimer: (() => void) | undefined;

  constructor(clock: LaneClock, deliver: (item: Item) => void) {
    this.#clock = clock;
    this.#deliver = deliver;
  }

  get isStalled(): boolean {
    return this.#state === 'stalled';
  }

  /** What was pushed and not delivered. */
  get waiting(): readonly Item[] {
    return this.#passengers.map(({ item }) => item);
  }

  push(item: Item): void {
    if (this.#state === 'cut') return;
    const last = this.#passengers.at(-1)?.dueAt ?? 0;
    this.#passengers.push({ item, dueAt: Math.max(last, this.#clock.now() + this.delayMs) });
    this.#await();
  }

  /** Keeps everything until {@link Lane.release}. */
  stall(): void {
    if (this.#state === 'flowing') this.#state = 'stalled';
  }

  release(): void {
    if (this.#state !== 'stalled') return;
    this.#state = 'flowing';
    this.#await();
  }

  /** Loses everything that has not arrived, and everything that follows. */
  cut(): void {
    this.#passengers = [];
    this.#stopTimer();
    this.#state = 'cut';
  }

  /** Loses what is stalled or under way; what is due still arrives, and what follows has no delay. */
  lose(): void {
    const now = this.#clock.now();
    const isFlowing = this.#state === 'flowing';
    this.#passengers = this.#passengers.filter(({ dueAt }) => isFlowing && dueAt <= now);
    this.#stopTimer();
    this.#state = 'flowing';
    this.delayMs = 0;
    this.#await();
  }

  #await(): void {
    const [first] = this.#passengers;
    if (!first || this.#isAwaited || this.#state !== 'flowing') return;
    this.#isAwaited = true;
    const delayMs = first.dueAt - this.#clock.now();
    if (delayMs > 0) this.#cancelTimer = this.#clock.schedule(this.#pass, delayMs);
    else queueMicrotask(this.#pass);
  }

  #stopTimer(): void {
    if (!this.#cancelTimer) return;
    this.#cancelTimer();
    this.#cancelTimer = undefined;
    this.#isAwaited = false;
  }

  readonly #pass = (): void => {
    this.#isAwaited = false;
    this.#cancelTimer = undefined;
    if (this.#state !== 'flowing') return;
    const first = this.#passengers.shift();
    // before the delivery, which may throw
    this.#await();
    if (first) this.#deliver(first.item);
  };
}
