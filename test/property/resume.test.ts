import fc from 'fast-check';
import { expect, it } from 'vitest';

import { resumeAct, stallingAct } from '../support/resume-acts.ts';
import { ResumeSimulation } from '../support/resume-simulation.ts';
import type { ResumeLeftovers } from '../support/resume-simulation.ts';

const nothing: ResumeLeftovers = {
  connections: 0,
  operations: 0,
  deadlines: 0,
  readers: 0,
  groups: 0,
  timers: 0,
};

const retention = fc.record({
  events: fc.constantFrom(4, 8, 8, 100),
  bytes: fc.constantFrom(3_000, 1_000_000),
  ageMs: fc.constantFrom(5_000, 1_000_000),
});

it('whoever comes back gets everything since, once and in order, or is told what it cannot get', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.record({ retention, policy: fc.constant('disconnect' as const) }),
      fc.array(resumeAct, { maxLength: 60, size: 'max' }),
      async (world, acts) => {
        expect(await new ResumeSimulation(world).play(acts)).toEqual(nothing);
      },
    ),
    { numRuns: 1_000 },
  );
}, 120_000);

const policy = fc.constantFrom('disconnect', 'block', 'drop-oldest', 'drop-newest', 'latest');

it('whoever reads slowly is cut off, or told exactly how many of which results it was not sent', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.record({ retention, policy }),
      fc.array(stallingAct, { maxLength: 60, size: 'max' }),
      async (world, acts) => {
        expect(await new ResumeSimulation(world).play(acts)).toEqual(nothing);
      },
    ),
    { numRuns: 800 },
  );
}, 120_000);
