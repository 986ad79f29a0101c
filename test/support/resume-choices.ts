import type { SubscriberSpec } from './resume-acts.ts';

/** What the filter of a subscriber says of an event. */
export function answerOf({ filter }: SubscriberSpec, n: number): 'passes' | 'drops' | 'fails' {
  switch (filter) {
    case 'none':
      return 'passes';
    case 'even':
    case 'even, later':
    case 'even, gated':
      return n % 2 === 0 ? 'passes' : 'drops';
    case 'fails':
      return n % 3 === 0 ? 'fails' : 'passes';
  }
}

export const eventGate = (n: number): string => `execution of ${n}`;
export const filterGate = (attempt: number, n: number): string => `filter of ${attempt} for ${n}`;
export const rowGate = (attempt: number): string => `row of ${attempt}`;
