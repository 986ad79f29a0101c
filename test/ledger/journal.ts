import type { Position } from 'millrace';

import { nameOf } from './events.ts';
import type { Stream } from './events.ts';

/** An event that the broker accepted. */
export interface Accepted {
  readonly sequence: number;
  /** What the broker said about the attempt that it answered. */
  readonly position: Position;
  /** How often it was sent: of more than one, some may have been accepted by a log that was lost before it could say so. */
  readonly attempts: number;
}

/** What a publisher writes down: which events were accepted. */
export class Journal {
  readonly #accepted = new Map<string, Accepted[]>();

  /** Numbers follow each other: a publisher goes on only when an event was accepted. */
  enter(stream: Stream, accepted: Accepted): void {
    const events = this.#accepted.get(nameOf(stream)) ?? [];
    if (accepted.sequence !== events.length + 1) throw new Error('an event was left out');
    events.push(accepted);
    this.#accepted.set(nameOf(stream), events);
  }

  of(stream: Stream): readonly Accepted[] {
    return this.#accepted.get(nameOf(stream)) ?? [];
  }

  get size(): number {
    return [...this.#accepted.values()].reduce((sum, events) => sum + events.length, 0);
  }
}
