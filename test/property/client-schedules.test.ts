import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { ClientSimulation } from '../support/client-simulation.ts';
import type { ClientAct, SimulationParts } from '../support/client-simulation.ts';

const which = fc.nat(50);

const act: fc.Arbitrary<ClientAct> = fc.oneof(
  { weight: 16, arbitrary: fc.record({ kind: fc.constant('wait'), ms: fc.nat(3_000) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('wait'), ms: fc.nat(70_000) }) },
  {
    weight: 14,
    arbitrary: fc.record(
      {
        kind: fc.constant('start'),
        consumer: fc.constantFrom(
          'observer',
          'iterator',
          'observer',
          'iterator',
          'query',
          'mutation',
        ),
        habit: fc.constantFrom('leave', 'cancel another', 'start another', 'reconnect'),
        which,
      },
      { requiredKeys: ['kind', 'consumer'] },
    ),
  },
  { weight: 2, arbitrary: fc.constant<ClientAct>({ kind: 'client', does: 'hold' }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('release'), which }) },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('cancel'),
      which,
      means: fc.constantFrom('return', 'abort'),
    }),
  },
  {
    weight: 16,
    arbitrary: fc.record({
      kind: fc.constant('source'),
      does: fc.constantFrom('deliver', 'deliver', 'deliver', 'end', 'fail'),
      which,
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('network'),
      does: fc.constantFrom('cut', 'cut', 'stall'),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('dial'),
      dial: fc.constantFrom('open', 'open', 'open', 'refuse', 'hang'),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('hang up'),
      error: fc.constantFrom(
        'GOING_AWAY',
        'SERVICE_RESTART',
        'AT_CAPACITY',
        'NORMAL_CLOSURE',
        'FORBIDDEN',
        'TERMINATED',
      ),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('client'),
      does: fc.constantFrom('reconnect', 'wake'),
    }),
  },
);

/** After these all is over for those who waited. */
const fatal: fc.Arbitrary<ClientAct> = fc.oneof(
  fc.record({
    kind: fc.constant('hang up'),
    error: fc.constantFrom('UNAUTHORIZED', 'INTERNAL_SERVER_ERROR', 'BAD_REQUEST'),
  }),
  fc.record({
    kind: fc.constant('mood'),
    mood: fc.constantFrom('accept', 'accept', 'refuse', 'fail', 'never'),
  }),
  fc.constant<ClientAct>({ kind: 'dial', dial: 'stranger' }),
);

const world = fc.record({
  delays: fc.array(fc.nat(2_000), { minLength: 1, maxLength: 10 }),
  chances: fc.array(fc.double({ min: 0.01, max: 0.99, noNaN: true }), {
    minLength: 1,
    maxLength: 5,
  }),
  areParamsFresh: fc.boolean(),
  idleTimeoutMs: fc.constantFrom(0, 1_000, 60_000),
});

const calm: SimulationParts = {
  protocol: 'graphql-transport-ws',
  delays: [20],
  chances: [0.5],
  areParamsFresh: false,
  idleTimeoutMs: 1_000,
};

describe.each(['graphql-transport-ws', 'subscriptions-transport-ws'] as const)(
  'a client and servers of %s',
  (protocol) => {
    it.each([
      ['come together again after any schedule', act],
      ['end what cannot go on under any schedule', fc.oneof({ weight: 8, arbitrary: act }, fatal)],
    ])(
      '%s',
      async (_what, acts) => {
        await fc.assert(
          fc.asyncProperty(
            world,
            fc.array(acts, { maxLength: 80, size: 'max' }),
            async (parts, schedule) => {
              const simulation = new ClientSimulation({ ...parts, protocol });
              for (const one of schedule) await simulation.act(one);
              await simulation.finish();

              expect(simulation.left).toEqual({ connections: 0, timers: 0, watchers: 0 });
            },
          ),
          { numRuns: 200 },
        );
      },
      60_000,
    );
  },
);

it('a calm world brings everything to its end', async () => {
  const simulation = new ClientSimulation(calm);
  const consumers = ['observer', 'iterator', 'query', 'mutation'] as const;
  for (const consumer of consumers) await simulation.act({ kind: 'start', consumer });
  await simulation.act({ kind: 'wait', ms: 1_000 });
  for (const [index] of consumers.entries()) {
    await simulation.act({ kind: 'source', does: 'deliver', which: index });
  }
  for (const _ of consumers) await simulation.act({ kind: 'source', does: 'end', which: 0 });
  await simulation.act({ kind: 'wait', ms: 1_000 });

  expect(simulation.ends).toEqual(['complete', 'complete', 'complete', 'complete']);
  await simulation.finish();
});
