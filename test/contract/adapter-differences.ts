import type { Difference } from './adapter-contract.ts';

/** Of adapters for what has no WebSockets. */
export const withoutWebSockets = {
  mark: 'no',
  note: 'An upgrade gets 501.',
} as const satisfies Difference;
