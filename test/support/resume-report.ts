import type { SubscriberSpec } from './resume-acts.ts';

/** What came of the token that an attempt brought. */
export type Outcome =
  | { readonly kind: 'fresh' | 'recovered' }
  | { readonly kind: 'gap'; readonly code: 'RESUME_INVALID' | 'RESUME_EXPIRED' | 'RESUME_GAP' };

/** What a server says in `extensions.resume`. */
export interface Report {
  readonly token?: string;
  readonly recovered?: boolean;
  readonly reason?: string;
  /** Results that were dropped. */
  readonly missing?: { readonly from?: string; readonly until?: string; readonly events: number };
}

/** What a server has to say of an outcome, besides a token. */
export function toSaid(outcome: Outcome): object {
  switch (outcome.kind) {
    case 'fresh':
      return { recovered: undefined, reason: undefined };
    case 'recovered':
      return { recovered: true, reason: undefined };
    case 'gap':
      return { recovered: false, reason: outcome.code };
  }
}

/** What comes before the first event, in order. */
export type Preliminary =
  | 'report'
  | 'position'
  | 'row 1'
  | 'row 2'
  | 'report of start'
  | 'position of start';

/** @param token - that its subscriber brought */
export function toPreliminaries(
  { isOptedIn, carrier, hasSnapshot }: SubscriberSpec,
  outcome: Outcome,
  token: string | undefined,
): Preliminary[] {
  const start: Preliminary[] = [];
  if (isOptedIn) start.push('report');
  const rows = hasSnapshot && outcome.kind !== 'recovered';
  const hasPositions = carrier === 'sse';
  // on an event stream a report says where that is as well
  if (hasPositions && !isOptedIn && token !== undefined) start.push('report');
  else if (hasPositions && !rows) start.push('position');
  if (!rows) return start;
  const end: Preliminary[] = [];
  if (isOptedIn) end.push('report of start');
  if (hasPositions) end.push('position of start');
  return [...start, 'row 1', 'row 2', ...end];
}
