import { UsageError } from '../../errors.ts';

/** How much a log keeps. */
export interface RemoteRetention {
  /** Events that a log keeps at least, and that are replayed at most. @defaultValue 1_000 */
  readonly events?: number;
  /** Estimated size of the events of one log that a process holds for its readers. @defaultValue 4_194_304 */
  readonly bytes?: number;
  /** Age of an event in milliseconds; ids of publications are remembered for as long. @defaultValue 3_600_000 */
  readonly ageMs?: number;
}

/** {@link RemoteRetention} where a log itself does not stay for ever either. */
export interface IdleRetention extends RemoteRetention {
  /** A log that nobody used for this long is forgotten. @defaultValue 86_400_000, or `ageMs` if that is longer */
  readonly idleMs?: number;
}

const defaults = {
  events: 1_000,
  bytes: 4 * 1_024 * 1_024,
  ageMs: 3_600_000,
  idleMs: 86_400_000,
} as const satisfies IdleRetention;

/** Throws a `UsageError` for bounds that are none. */
export function toRetention(
  retention: RemoteRetention = {},
  shortestAgeMs = 1,
): Required<RemoteRetention> {
  const { events, bytes, ageMs } = { ...defaults, ...retention };
  if (isBound(events, 1) && isBound(ageMs, shortestAgeMs)) return { events, bytes, ageMs };
  const ranges =
    shortestAgeMs === 1
      ? ' from 1 on'
      : `: events from 1 on, milliseconds from ${shortestAgeMs} on`;
  throw new UsageError(`the bounds of a log are whole numbers${ranges}`);
}

/** As {@link toRetention}; a log stays at least as long as its events. */
export function toIdleRetention(retention: IdleRetention = {}): Required<IdleRetention> {
  const bounds = toRetention(retention);
  return { ...bounds, idleMs: Math.max(retention.idleMs ?? defaults.idleMs, bounds.ageMs) };
}

function isBound(bound: number, least: number): boolean {
  return Number.isSafeInteger(bound) && bound >= least;
}
