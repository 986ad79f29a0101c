import { LRUCache } from 'lru-cache';

import { estimateBytes } from '../../broker/estimate-bytes.ts';
import type { SharedEvent } from './shared-event.ts';

/** What one event takes besides itself and its result. */
const eventBytes = 500;

/** Events of all groups of a server, with what became of them, for those who come back: those that were asked for least recently leave first. */
export class ResultMemory {
  readonly #events: LRUCache<string, SharedEvent> | undefined;

  /** @param bytes - estimated size of all; 0: nothing is remembered */
  constructor(bytes: number) {
    this.#events = bytes > 0 ? new LRUCache({ maxSize: bytes }) : undefined;
  }

  find(key: string): SharedEvent | undefined {
    return this.#events?.get(key);
  }

  add(key: string, shared: SharedEvent, event: unknown): void {
    this.#events?.set(key, shared, { size: eventBytes + estimateBytes(event) });
  }

  /** It has a result now, whose text has so many characters. */
  grow(key: string, shared: SharedEvent, characters: number): void {
    const events = this.#events;
    if (events?.peek(key) !== shared) return;
    const size = (events.info(key)?.size ?? 0) + 2 * characters;
    events.delete(key); // what is there keeps the size that it had
    events.set(key, shared, { size });
  }
}
