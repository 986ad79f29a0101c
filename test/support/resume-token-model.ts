import assert from 'node:assert/strict';

import type { Instant } from '../../src/vocabulary.ts';

/** Where a token says that somebody stopped. */
export interface Place {
  readonly epoch: string;
  readonly offset: number;
}

/** What is known of a token: what it says, and what it was made for. */
export interface KnownToken {
  readonly text: string;
  readonly place: Place;
  /** In whole seconds. */
  readonly since: Instant;
  /** Field and audience. */
  readonly subject: string;
}

/** All tokens that servers gave away. They are no secret to us: each is compared with what it has to say. */
export class ResumeTokenModel {
  readonly #known = new Map<string, KnownToken>();
  readonly #maxAgeMs: number;

  constructor(maxAgeMs: number) {
    this.#maxAgeMs = maxAgeMs;
  }

  get all(): readonly KnownToken[] {
    return [...this.#known.values()];
  }

  /** A server gave `text` to somebody. */
  learn(text: string, subject: string): KnownToken {
    const known = this.#known.get(text);
    if (known) {
      assert.equal(known.subject, subject, 'a token stands for two things');
      return known;
    }
    const [, , body = ''] = text.split('.');
    // as the server wrote it
    const [epoch, offset, since] = JSON.parse(Buffer.from(body, 'base64url').toString()) as [
      string,
      string,
      number,
    ];
    const learnt = {
      text,
      place: { epoch, offset: Number(offset) },
      since: since * 1_000,
      subject,
    };
    this.#known.set(text, learnt);
    return learnt;
  }

  /** What a server has to make of `text`. */
  judge(text: string, subject: string, now: Instant): Place | 'RESUME_INVALID' | 'RESUME_EXPIRED' {
    const known = this.#known.get(text);
    if (known?.subject !== subject) return 'RESUME_INVALID';
    return now - known.since > this.#maxAgeMs ? 'RESUME_EXPIRED' : known.place;
  }
}
