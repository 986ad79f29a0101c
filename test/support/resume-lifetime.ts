import assert from 'node:assert/strict';

import type { SubscriberSpec } from './resume-acts.ts';
import type { Published } from './resume-log-model.ts';
import type { Place } from './resume-token-model.ts';

/** What a subscriber makes of one delivery. */
export interface Sight {
  readonly kind:
    /** It begins, without having anything to go on from. */
    | 'fresh'
    /** It goes on, and nothing is missing. */
    | 'recovered'
    /** It goes on, and events before `place` are missing. */
    | 'gap'
    /** It could come back to `place`. */
    | 'place'
    | 'event'
    | 'nothing';
  readonly place?: Place;
  /** With what it comes back. */
  readonly token?: string;
}

/** The token with which a subscriber who has seen this comes back. */
export function lastToken(sights: readonly Sight[]): string | undefined {
  return sights.findLast(({ token }) => token !== undefined)?.token;
}

/** All that one subscriber saw, over all its connections. */
export interface Lifetime {
  readonly sights: readonly Sight[];
  /** Where the token that it brought along comes from. */
  readonly origin: Place | undefined;
  /** In order, those that its filter does not drop, of all logs. */
  readonly due: readonly Published[];
}

/**
 * The law of resuming: whoever comes back has every event that passes its filter once and in order, or was told before the next one that some are missing.
 */
export function assertLifetime({ sights, origin, due }: Lifetime): void {
  let last = origin;
  for (const { kind, place } of sights) {
    if (kind === 'event' && last && place) assertNothingBetween(last, place, due);
    if (kind === 'recovered') assert(last, 'recovered from nothing');
    // it may be that nobody says yet where reading begins
    else if (kind === 'fresh' || kind === 'gap') last = place;
    else last = place ?? last;
  }
}

function assertNothingBetween(last: Place, next: Place, due: readonly Published[]): void {
  assert.equal(next.epoch, last.epoch, 'another log without a word');
  assert(next.offset > last.offset, `${next.offset} comes after ${last.offset}`);
  const missing = due.filter(
    ({ epoch, offset }) => epoch === next.epoch && offset > last.offset && offset < next.offset,
  );
  assert.deepEqual(missing, [], 'events are missing, and nobody said so');
}

/** Whether what a subscriber sees lets it come back. */
export function canComeBack({ isOptedIn, carrier }: SubscriberSpec): boolean {
  return isOptedIn || carrier === 'sse';
}
