import type { Rate } from '../../protocol/index.ts';
import type { BucketLevel } from './connection-record.ts';

/** What is left of a full bucket of `rate`; as JSON can hold it. */
export function fullBucket({ burst }: Rate, now: number): BucketLevel {
  return { tokens: Number.isFinite(burst) ? burst : 0, at: now };
}

/** The level after one more was taken; `undefined` if there is none left. */
export function takeFrom(level: BucketLevel, rate: Rate, now: number): BucketLevel | undefined {
  const { perSecond, burst } = rate;
  if (!Number.isFinite(perSecond) || !Number.isFinite(burst)) return level;
  const elapsedMs = Math.max(0, now - level.at);
  const tokens = Math.min(burst, level.tokens + (elapsedMs * perSecond) / 1_000);
  return tokens < 1 ? undefined : { tokens: tokens - 1, at: Math.max(now, level.at) };
}
