import { UsageError } from '../errors.ts';
import type { Clock, Instant } from '../vocabulary.ts';

/** How a server is drained. */
export interface DrainOptions {
  /** Over how long its connections are closed, in milliseconds; what runs then may take as long again. @defaultValue 10_000 */
  readonly windowMs?: number;
  /** Chooses when within its share of the window each is closed: at least 0, less than 1. @defaultValue `Math.random` */
  readonly random?: () => number;
}

const defaults = { windowMs: 10_000 } as const satisfies DrainOptions;

/** How long after each other connections are closed, unless the window is short. */
const batchMs = 100;

/** Even of a short window. */
const shortestBatchMs = 10;

/** Something open that a drain ends. */
export interface Drainable {
  /** Whether a query or mutation runs on it, or a subscription that has not begun: that is waited for. */
  readonly isBusy: boolean;
  /** Ends it in a way that clients come back after. Doing so twice is harmless. */
  cut(): void;
}

/** What a {@link Drain} empties. */
export interface Drained {
  /** What is open, in groups; those of each are spread over the whole window. */
  readonly groups: readonly (readonly Drainable[])[];
  /** Whether nothing is left to be waited for. `late`: what still runs is cut. */
  isEmpty(phase: 'in-time' | 'late'): boolean;
}

/** Empties a server: ends what is open, batch by batch, and watches until nothing is left. */
export class Drain {
  /** Resolves once nothing is left. */
  readonly done: Promise<void>;
  readonly #clock: Clock;
  readonly #drained: Drained;
  readonly #departures: Departures;
  #finish: () => void = () => {};
  #cancelTimer: (() => void) | undefined;

  /** @throws UsageError for a window that is none */
  constructor(clock: Clock, drained: Drained, options: DrainOptions) {
    this.#clock = clock;
    this.#drained = drained;
    this.#departures = new Departures(drained.groups, toDrainWindow(options), clock.now());
    this.done = new Promise((resolve) => {
      this.#finish = resolve;
    });
  }

  start(): void {
    this.#step();
  }

  /** Ends nothing any more: it is done when `closed` is. */
  giveWayTo(closed: Promise<void>): void {
    this.#cancelTimer?.();
    void closed.then(this.#finish); // closing a server never rejects
  }

  readonly #step = (): void => {
    const now = this.#clock.now();
    const departures = this.#departures;
    for (const each of departures.due(now)) each.cut();
    if (this.#drained.isEmpty(departures.phaseAt(now))) return this.#finish();
    this.#cancelTimer = this.#clock.schedule(this.#step, departures.pauseMs(now));
  };
}

/** The time that a drain has. */
interface DrainWindow {
  readonly windowMs: number;
  readonly random: () => number;
}

/** Puts the defaults under `options`; throws {@link UsageError} for a window that is none. */
export function toDrainWindow({
  windowMs = defaults.windowMs,
  random = Math.random,
}: DrainOptions): DrainWindow {
  if (Number.isFinite(windowMs) && windowMs >= 0) return { windowMs, random };
  throw new UsageError('windowMs must be a number of milliseconds, at least 0');
}

interface Departure {
  readonly who: Drainable;
  readonly at: Instant;
}

/**
 * Who leaves a draining server when.
 *
 * @remarks
 * Each has a share of the window and leaves at a random instant of it: whatever the numbers are that chance brings, connections leave one after the
 * other. Who is busy then leaves as soon as that is over, at the latest when another window has passed.
 */
export class Departures {
  readonly #windowMs: number;
  readonly #startedAt: Instant;
  /** Those who are to leave, the last first. */
  readonly #coming: Departure[];
  /** Those who were to leave, but are busy. */
  #late: readonly Drainable[] = [];

  constructor(
    groups: readonly (readonly Drainable[])[],
    { windowMs, random }: DrainWindow,
    now: Instant,
  ) {
    this.#windowMs = windowMs;
    this.#startedAt = now;
    this.#coming = groups
      .flatMap((group) =>
        group.map((who, i) => ({ who, at: now + ((i + random()) / group.length) * windowMs })),
      )
      .toSorted((one, other) => other.at - one.at);
  }

  /** Takes out those who leave now. */
  due(now: Instant): readonly Drainable[] {
    const due = [...this.#late, ...this.#takeUntil(now)];
    const isBusy = due.map((who) => this.phaseAt(now) === 'in-time' && who.isBusy);
    this.#late = due.filter((_, i) => isBusy[i]);
    return due.filter((_, i) => !isBusy[i]);
  }

  /** `late` once the time is over even for those who are busy. */
  phaseAt(now: Instant): 'in-time' | 'late' {
    return now < this.#startedAt + 2 * this.#windowMs ? 'in-time' : 'late';
  }

  /** Until {@link Departures.due} has to be asked again; the last batch leaves when the window ends. */
  pauseMs(now: Instant): number {
    const usualMs = Math.max(shortestBatchMs, Math.min(batchMs, this.#windowMs / 10));
    const windowEnd = this.#startedAt + this.#windowMs;
    const end = now < windowEnd ? windowEnd : windowEnd + this.#windowMs;
    return now < end ? Math.min(usualMs, end - now) : usualMs;
  }

  #takeUntil(now: Instant): readonly Drainable[] {
    const taken: Drainable[] = [];
    for (let next = this.#coming.at(-1); next && next.at <= now; next = this.#coming.at(-1)) {
      taken.push(next.who);
      this.#coming.pop();
    }
    return taken;
  }
}
