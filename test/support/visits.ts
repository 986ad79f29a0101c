import fc from 'fast-check';

import { Capacity } from '../../src/server/capacity.ts';
import type { Place, SocketPlace } from '../../src/server/capacity.ts';

/** What somebody does at the door of a server; `which` is a visitor by number. */
export interface Step {
  readonly does: 'enter as stream' | 'enter as socket' | 'leave' | 'acknowledge';
  readonly which: number;
}

export const step: fc.Arbitrary<Step> = fc.record({
  does: fc.constantFrom('enter as stream', 'enter as socket', 'leave', 'acknowledge'),
  which: fc.nat(30),
});

interface Visitor {
  readonly place: Place | SocketPlace | undefined;
  /** By the model alone; nobody who left or was refused comes back. */
  state: 'refused' | 'stream' | 'waiting' | 'acknowledged' | 'shed' | 'left';
}

interface Limits {
  readonly connections: number;
  readonly unacknowledgedConnections: number;
}

/** Visitors of a {@link Capacity}, and a model that keeps a list of them where that keeps counters. */
export class Visits {
  readonly #limits: Limits;
  readonly #capacity: Capacity;
  readonly #visitors: Visitor[] = [];
  readonly #shed: number[] = [];
  readonly #expectedShed: number[] = [];

  constructor(limits: Limits) {
    this.#limits = limits;
    this.#capacity = new Capacity(limits);
  }

  take({ does, which }: Step): void {
    const visitor = this.#visitors[which];
    switch (does) {
      case 'enter as stream':
        return this.#enterAsStream();
      case 'enter as socket':
        return this.#enterAsSocket();
      case 'leave':
        return this.#leave(visitor);
      case 'acknowledge':
        return this.#acknowledge(visitor);
    }
  }

  leaveAll(): void {
    for (const visitor of this.#visitors) this.#leave(visitor);
  }

  observed(): object {
    const { taken, unacknowledged } = this.#capacity;
    const refused = this.#visitors.flatMap(({ place }, index) => (place ? [] : [index]));
    return { taken, unacknowledged, refused, shed: this.#shed };
  }

  expected(): object {
    return {
      taken: this.#present().length,
      unacknowledged: this.#numbersOf('waiting').length,
      refused: this.#numbersOf('refused'),
      shed: this.#expectedShed,
    };
  }

  #enterAsStream(): void {
    const state = this.#present().length < this.#limits.connections ? 'stream' : 'refused';
    this.#visitors.push({ place: this.#capacity.enter(), state });
  }

  #enterAsSocket(): void {
    const number = this.#visitors.length;
    const place = this.#capacity.enterSocket({ shed: () => this.#shed.push(number) });
    this.#visitors.push({ place, state: 'waiting' });
    const [oldest = number, ...others] = this.#numbersOf('waiting');
    const visitor = this.#visitors[oldest];
    if (!visitor || others.length < this.#limits.unacknowledgedConnections) return;
    visitor.state = 'shed';
    this.#expectedShed.push(oldest);
  }

  #leave(visitor: Visitor | undefined): void {
    visitor?.place?.leave();
    if (visitor && visitor.state !== 'refused') visitor.state = 'left';
  }

  #acknowledge(visitor: Visitor | undefined): void {
    if (!visitor?.place || !('acknowledge' in visitor.place)) return;
    visitor.place.acknowledge();
    if (visitor.state === 'waiting') visitor.state = 'acknowledged';
  }

  #present(): readonly Visitor[] {
    return this.#visitors.filter(({ state }) => state !== 'left' && state !== 'refused');
  }

  #numbersOf(state: Visitor['state']): readonly number[] {
    return this.#visitors.flatMap((visitor, index) => (visitor.state === state ? [index] : []));
  }
}
