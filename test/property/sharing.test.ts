import fc from 'fast-check';
import { expect, it } from 'vitest';

import { sharingAct } from '../support/sharing-acts.ts';
import { SharingSimulation } from '../support/sharing-simulation.ts';
import type { Leftovers, Origin } from '../support/sharing-simulation.ts';

const nothing: Leftovers = {
  connections: 0,
  operations: 0,
  deadlines: 0,
  readers: 0,
  groups: 0,
  subscribers: 0,
  readerCount: 0,
};

it.each<Origin>(['broker', 'broadcaster'])(
  'whoever comes and goes gets exactly its own events of a %s, each executed once for all who want it',
  async (origin) => {
    await fc.assert(
      fc.asyncProperty(fc.array(sharingAct, { maxLength: 60, size: 'max' }), async (acts) => {
        expect(await new SharingSimulation(origin).play(acts)).toEqual(nothing);
      }),
      { numRuns: 500 },
    );
  },
  60_000,
);
