import { createClient } from 'millrace/client';
import { resumable } from 'millrace/client/resume';
import { websocket } from 'millrace/client/websocket';

import { nowMs } from '../stage/clock.mjs';
import { query } from './schema.mjs';

/**
 * @typedef {object} WatchedClientOptions
 * @property {string} room
 * @property {(attempt: number) => string} url asked for each connection, which are counted from 0
 * @property {(latencyMs: number) => void} onLatency
 * @property {boolean} resumes whether it goes on where it stopped
 */

/** A client with one subscription that keeps account of its events, and of when it was away. */
export class WatchedClient {
  /** Of the last event; 0 before the first. */
  seq = 0;
  received = 0;
  lost = 0;
  repeated = 0;
  gaps = 0;
  losses = 0;
  attempts = 0;
  /** The longest time between two events. */
  silenceMs = 0;
  /** When it was last said to have everything again. */
  recoveredAt = Number.NEGATIVE_INFINITY;
  /** When the first event came after the last loss of the connection. */
  eventAgainAt = Number.NEGATIVE_INFINITY;
  /** Why there will be no further event. @type {string | undefined} */
  failure;
  #receivedAt = Number.NaN;
  #isAway = false;
  #onLatency;
  #client;
  room;

  /** @param {WatchedClientOptions} options */
  constructor({ room, url, onLatency, resumes }) {
    this.room = room;
    this.#onLatency = onLatency;
    this.#client = createClient({
      url: () => {
        this.attempts += 1;
        return url(this.attempts - 1);
      },
      transport: websocket(),
      ...(resumes && { resume: resumable() }),
      onDisconnected: (failure, retryInMs) => {
        this.losses += 1;
        this.#isAway = true;
        if (retryInMs === undefined) this.failure ??= `${failure.code}: ${failure.message}`;
      },
      onInternalError: (error) => {
        this.failure ??= String(error);
      },
    });
  }

  /** Resolves once it is subscribed. */
  async start() {
    const handle = this.#client.subscribe({ query, variables: { room: this.room } });
    handle.subscribe({
      next: (result) => this.#receive(result),
      error: (failure) => {
        this.failure ??= `${failure.code}: ${failure.message}`;
      },
      complete: () => {
        this.failure ??= 'completed';
      },
    });
    void this.#watch(handle.status); // never rejects
    await handle.ready;
  }

  /** @param {AsyncIterable<string>} status */
  async #watch(status) {
    for await (const state of status) {
      if (state === 'gap') this.gaps += 1;
      if (state === 'gap' || state === 'recovered') this.recoveredAt = nowMs();
    }
  }

  /** @param {import('millrace/client').OperationResult<any>} result */
  #receive({ data, errors }) {
    const message = data?.messageAdded;
    if (!message) {
      this.failure ??= errors?.[0]?.message ?? 'a result without an event';
      return;
    }
    const now = nowMs();
    this.received += 1;
    this.#onLatency(now - message.dueAt);
    if (this.#isAway) {
      this.#isAway = false;
      this.eventAgainAt = now;
    }
    // the first comparison is false before there was an event
    if (now - this.#receivedAt > this.silenceMs) this.silenceMs = now - this.#receivedAt;
    this.#receivedAt = now;
    this.#account(message.seq);
  }

  /** @param {number} seq */
  #account(seq) {
    if (this.seq > 0 && seq <= this.seq) {
      this.repeated += 1;
      return;
    }
    if (this.seq > 0) this.lost += seq - this.seq - 1;
    this.seq = seq;
  }
}
