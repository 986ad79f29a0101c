import assert from 'node:assert/strict';

import { messageOf } from './transition-contract.ts';

const starts = new Set(['subscribe', 'start']);
const stops = new Set(['complete', 'stop']);
const ends = new Set(['complete', 'error']);

/** What a client may write on one connection, by what it wrote and read there before. */
export class TrafficAudit {
  readonly #started = new Set<unknown>();
  readonly #over = new Set<unknown>();

  sent(frame: string): void {
    const { id, type } = messageOf(frame);
    if (starts.has(type)) {
      assert(!this.#started.has(id), 'an id was used twice');
      this.#started.add(id);
    }
    if (stops.has(type)) {
      assert(this.#started.has(id), 'an operation was stopped that was never sent');
      assert(!this.#over.has(id), 'an operation was stopped twice, or after its end');
      this.#over.add(id);
    }
  }

  read(frame: string): void {
    const { id, type } = messageOf(frame);
    if (ends.has(type)) this.#over.add(id);
  }
}
