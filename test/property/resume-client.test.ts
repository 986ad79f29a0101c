import fc from 'fast-check';
import { expect, it } from 'vitest';

import { resumeClientAct } from '../support/resume-client-acts.ts';
import { ResumeClientSimulation } from '../support/resume-client-simulation.ts';

it('a client that resumes hears everything once and in order over any number of cuts, or of the gap before what follows', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(4, 8, 100),
      fc.array(resumeClientAct, { maxLength: 60, size: 'max' }),
      async (events, acts) => {
        expect(await new ResumeClientSimulation(events).play(acts)).toEqual({
          readers: 0,
          operations: 0,
          connections: 0,
          timers: 0,
        });
      },
    ),
    { numRuns: 500 },
  );
}, 120_000);
