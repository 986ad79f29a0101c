import type { Socket } from 'node:net';

import { Lane } from './lane.ts';
import type { LaneClock } from './lane.ts';
import { MessageEnds } from './message-ends.ts';

/** How things are in one direction; may change at any time. */
export interface Weather {
  /** How long bytes are under way. @defaultValue 0 */
  latencyMs: number;
  /** What is added to that, at random: up to so much. @defaultValue 0 */
  jitterMs: number;
  /** What is read in a second; whoever writes faster has to wait. @defaultValue Infinity */
  bytesPerSecond: number;
}

/** What passes before a connection is cut. */
export type CutAmount =
  | { readonly bytes: number }
  /** Whole messages of a WebSocket; neither fragments nor control frames are counted. */
  | { readonly messages: number };

/** What a {@link ProxyPipe} is made of. */
export interface PipeParts {
  readonly from: Socket;
  readonly to: Socket;
  readonly weather: Weather;
  readonly clock: LaneClock;
  readonly random: () => number;
  /** Resets the connection. */
  readonly reset: () => void;
}

type Step =
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  | { readonly kind: 'end' | 'cut' };

/** One direction of a connection through a proxy. */
export class ProxyPipe {
  readonly #parts: PipeParts;
  readonly #lane: Lane<Step>;
  readonly #messageEnds = new MessageEnds();
  /** Why nothing is read. */
  readonly #holds = new Set<'stall' | 'throttle' | 'backpressure'>();
  #cut: CutAmount | undefined;
  #isSwallowing = false;
  #cancelThrottle: (() => void) | undefined;

  constructor(parts: PipeParts) {
    const { from, to, clock } = parts;
    this.#parts = parts;
    this.#lane = new Lane(clock, (step) => this.#arrive(step));
    from.on('data', (chunk: Buffer) => this.#take(chunk));
    from.on('end', () => this.#send({ kind: 'end' }));
    to.on('drain', () => this.#letGo('backpressure'));
  }

  /** Resets the connection once so much has passed from now on. */
  cutAfter(amount: CutAmount): void {
    if (('bytes' in amount ? amount.bytes : amount.messages) <= 0) this.#send({ kind: 'cut' });
    else this.#cut = amount;
  }

  /** Reads everything and passes nothing on, not even the end. */
  swallow(): void {
    this.#isSwallowing = true;
    this.stop();
    this.#holds.clear();
    this.#parts.from.resume();
  }

  stall(): void {
    this.#hold('stall');
  }

  release(): void {
    this.#letGo('stall');
  }

  /** Passes nothing on any more. */
  stop(): void {
    this.#lane.cut();
    this.#cancelThrottle?.();
  }

  #take(chunk: Uint8Array): void {
    if (this.#isSwallowing) return;
    const end = this.#findCut(chunk);
    this.#send({ kind: 'bytes', bytes: chunk.subarray(0, end) });
    if (end !== undefined) {
      this.#send({ kind: 'cut' });
      return this.stall();
    }
    const { weather, clock } = this.#parts;
    if (weather.bytesPerSecond === Number.POSITIVE_INFINITY) return;
    this.#hold('throttle');
    this.#cancelThrottle = clock.schedule(
      () => this.#letGo('throttle'),
      (chunk.length / weather.bytesPerSecond) * 1_000,
    );
  }

  /** How much of `chunk` passes before the cut, if that is in it. */
  #findCut(chunk: Uint8Array): number | undefined {
    const ends = this.#messageEnds.read(chunk);
    const cut = this.#cut;
    if (!cut) return undefined;
    if ('bytes' in cut) {
      this.#cut = { bytes: cut.bytes - chunk.length };
      return cut.bytes <= chunk.length ? cut.bytes : undefined;
    }
    this.#cut = { messages: cut.messages - ends.length };
    return ends[cut.messages - 1];
  }

  #send(step: Step): void {
    const { weather, random } = this.#parts;
    this.#lane.delayMs = weather.latencyMs + random() * weather.jitterMs;
    this.#lane.push(step);
  }

  #arrive(step: Step): void {
    const { to, reset } = this.#parts;
    switch (step.kind) {
      case 'bytes':
        if (!to.write(step.bytes)) this.#hold('backpressure');
        return;
      case 'end':
        to.end();
        return;
      case 'cut':
        // what was written shall arrive: a reset throws away what still waits
        to.write('', reset);
    }
  }

  #hold(reason: 'stall' | 'throttle' | 'backpressure'): void {
    this.#holds.add(reason);
    this.#parts.from.pause();
  }

  #letGo(reason: 'stall' | 'throttle' | 'backpressure'): void {
    if (this.#holds.delete(reason) && this.#holds.size === 0) this.#parts.from.resume();
  }
}
