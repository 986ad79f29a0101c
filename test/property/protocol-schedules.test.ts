import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { createGraphqlTransportWsClient } from '../../src/protocol/graphql-transport-ws/client-connection.ts';
import { createServerConnection } from '../../src/protocol/server-connection.ts';
import { createSubscriptionsTransportWsClient } from '../../src/protocol/subscriptions-transport-ws/client-connection.ts';
import { ProtocolSimulation } from '../support/protocol-simulation.ts';
import type { Act } from '../support/protocol-simulation.ts';

const which = fc.nat(50);

const act: fc.Arbitrary<Act> = fc.oneof(
  { weight: 20, arbitrary: fc.record({ kind: fc.constant('wait'), ms: fc.nat(3_000) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('wait'), ms: fc.nat(60_000) }) },
  { weight: 12, arbitrary: fc.constant<Act>({ kind: 'client', does: 'subscribe' }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('cancel'), which }) },
  {
    weight: 16,
    arbitrary: fc.record({ kind: fc.constant('source'), does: fc.constant('deliver'), which }),
  },
  {
    weight: 5,
    arbitrary: fc.record({ kind: fc.constant('source'), does: fc.constant('end'), which }),
  },
  {
    weight: 5,
    arbitrary: fc.record({ kind: fc.constant('source'), does: fc.constant('fail'), which }),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom<Act>(
      { kind: 'client', does: 'leave' },
      { kind: 'server', does: 'refuse' },
      { kind: 'server', does: 'fail' },
      { kind: 'server', does: 'go away' },
      { kind: 'network', does: 'cut' },
      { kind: 'network', does: 'stall' },
    ),
  },
);

/** Mostly a connection that comes about, so that something happens on it; elsewhere the two steps come late, or never. */
const opening: fc.Arbitrary<readonly Act[]> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.constant<readonly Act[]>([
      { kind: 'client', does: 'initialise' },
      { kind: 'wait', ms: 2_500 },
      { kind: 'server', does: 'accept' },
    ]),
  },
  {
    weight: 2,
    arbitrary: fc.array(
      fc.oneof(
        act,
        fc.constantFrom<Act>(
          { kind: 'client', does: 'initialise' },
          { kind: 'server', does: 'accept' },
          { kind: 'server', does: 'refuse' },
        ),
      ),
      { maxLength: 20 },
    ),
  },
);

const schedule = fc.record({
  acts: fc.tuple(opening, fc.array(act, { maxLength: 80 })).map((parts) => parts.flat()),
  delays: fc.array(fc.nat(2_000), { minLength: 1, maxLength: 10 }),
});

/** Ends that a client which keeps the rules never suffers. */
const accusations = [
  'BAD_REQUEST',
  'UNAUTHORIZED',
  'DUPLICATE_OPERATION_ID',
  'TOO_MANY_INITS',
  'TOO_MANY_CONTROL_MESSAGES',
];

describe.each([
  ['graphql-transport-ws', createGraphqlTransportWsClient],
  ['subscriptions-transport-ws', createSubscriptionsTransportWsClient],
] as const)('a client and a server of %s', (protocol, createClient) => {
  it('keep every promise under any schedule', () => {
    fc.assert(
      fc.property(schedule, ({ acts, delays }) => {
        const simulation = new ProtocolSimulation(
          createClient({ pingAfterMs: 10_000, silenceMs: 15_000 }),
          createServerConnection(protocol, 0),
          delays,
        );
        for (const one of acts) simulation.act(one);
        simulation.finish();
        expect(accusations).not.toContain(simulation.serverClose?.error);
      }),
      { numRuns: 1_000 },
    );
  });

  it('deliver everything to operations that run to their end on a calm network', () => {
    const simulation = new ProtocolSimulation(
      createClient(),
      createServerConnection(protocol, 0),
      [40],
    );
    const calm: readonly Act[] = [
      { kind: 'client', does: 'subscribe' },
      { kind: 'client', does: 'initialise' },
      { kind: 'wait', ms: 1_000 },
      { kind: 'server', does: 'accept' },
      { kind: 'wait', ms: 1_000 },
      { kind: 'source', does: 'deliver', which: 0 },
      { kind: 'source', does: 'deliver', which: 0 },
      { kind: 'wait', ms: 60_000 },
      { kind: 'source', does: 'deliver', which: 0 },
      { kind: 'source', does: 'end', which: 0 },
    ];
    for (const one of calm) simulation.act(one);
    simulation.finish();

    const [operation] = simulation.clientLedger.operations;
    expect(operation && simulation.clientLedger.resultsOf(operation)).toEqual([
      { data: 0 },
      { data: 1 },
      { data: 2 },
    ]);
    expect(simulation.serverClose).toBeUndefined();
  });
});
