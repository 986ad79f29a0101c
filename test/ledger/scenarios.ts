import { resetConnections } from './faults/resets.ts';
import type { LengthOptions, Scenario } from './scenario.ts';

/** Everything that is tried, in its order. */
export function createScenarios({ length }: LengthOptions): readonly Scenario[] {
  const isLong = length === 'long';
  const resetsMs = isLong ? 30_000 : 3_000;
  return [
    {
      name: 'resets',
      backplane: 'append-only',
      permits: [],
      fault: (stage) => resetConnections(stage, resetsMs),
    },
    {
      name: 'resets, events in memory',
      backplane: 'memory',
      permits: [],
      fault: (stage) => resetConnections(stage, resetsMs),
    },
  ];
}
