import { nowMs } from '../stage/clock.mjs';
import { roomOf } from './messages.mjs';

/**
 * @typedef {object} Steadiness
 * @property {number} rooms they get events in turn
 * @property {number} rate events per second over all rooms
 * @property {'due' | 'sent'} stamp whether the time of an event is when it was due, or when it was published in the end
 */

const text = 'x'.repeat(68);

/** Publishes when it is time, whatever has become of earlier events. */
export class SteadyPublisher {
  #topic;
  /** @type {Record<string, number>} */
  #heads = {};
  #failures = 0;
  #count = 0;
  /** @type {Set<Promise<unknown>>} */
  #pending = new Set();
  /** @type {NodeJS.Timeout | undefined} */
  #timer;

  /** @param {import('millrace/broker').Topic<import('./messages.mjs').Message>} topic */
  constructor(topic) {
    this.#topic = topic;
  }

  /** @param {Steadiness} steadiness */
  start({ rooms, rate, stamp }) {
    const beganAt = nowMs();
    const before = this.#count;
    const step = () => {
      for (;;) {
        const dueAt = beganAt + ((this.#count - before) * 1_000) / rate;
        const now = nowMs();
        if (dueAt > now) {
          this.#timer = setTimeout(step, dueAt - now);
          return;
        }
        this.#publish(roomOf(this.#count, rooms), stamp === 'due' ? dueAt : now);
      }
    };
    step();
  }

  /**
   * Resolves once everything has been accepted.
   *
   * @returns {Promise<{ published: number, heads: Record<string, number> }>}
   */
  async stop() {
    clearTimeout(this.#timer);
    await Promise.allSettled(this.#pending);
    if (this.#failures > 0) throw new Error(`${this.#failures} events could not be published`);
    return { published: this.#count, heads: this.#heads };
  }

  /**
   * @param {string} room
   * @param {number} dueAt
   */
  #publish(room, dueAt) {
    this.#count += 1;
    const seq = (this.#heads[room] ?? 0) + 1;
    this.#heads[room] = seq;
    const pending = this.#topic.publish({ room, seq, dueAt, text }, { key: room });
    this.#pending.add(pending);
    void this.#settle(pending); // never rejects
  }

  /** @param {Promise<unknown>} pending */
  async #settle(pending) {
    try {
      await pending;
    } catch {
      this.#failures += 1;
    }
    this.#pending.delete(pending);
  }
}
