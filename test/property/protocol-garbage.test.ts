import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { negotiate } from '../../src/protocol/negotiation.ts';
import { createAppsyncClient } from '../../src/protocol/appsync/client-connection.ts';
import type { ClientConnection, ServerConnection } from '../../src/protocol/connection.ts';
import { createGraphqlTransportWsClient } from '../../src/protocol/graphql-transport-ws/client-connection.ts';
import { createServerConnection } from '../../src/protocol/server-connection.ts';
import { createSubscriptionsTransportWsClient } from '../../src/protocol/subscriptions-transport-ws/client-connection.ts';
import { ClientLedger } from '../support/client-ledger.ts';
import { anyFrame, anyText, errors, jsonObject } from '../support/protocol-arbitraries.ts';
import { ServerLedger } from '../support/server-ledger.ts';

const protocols = ['graphql-transport-ws', 'subscriptions-transport-ws', 'appsync'] as const;
const runs = { numRuns: 500 };

/** Something that happens to a connection, after some time. */
function timed<Act>(act: fc.Arbitrary<Act>): fc.Arbitrary<readonly (readonly [number, Act])[]> {
  return fc.array(fc.tuple(fc.nat(3_000), act), { maxLength: 60 });
}

type ServerAct = (connection: ServerConnection, ledger: ServerLedger, now: number) => void;

function endOne(
  end: (
    connection: ServerConnection,
    operation: ServerLedger['started'][number],
  ) => ReturnType<ServerConnection['complete']>,
  which: number,
): ServerAct {
  return (connection, ledger) => {
    const operation = ledger.started[which % ledger.started.length];
    if (operation !== undefined) ledger.enter(end(connection, operation));
  };
}

const serverAct: fc.Arbitrary<ServerAct> = fc.oneof(
  {
    weight: 10,
    arbitrary: anyFrame.map<ServerAct>(
      (frame) => (connection, ledger, now) => ledger.enter(connection.receive(frame, now)),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.constant<ServerAct>((connection, ledger, now) =>
      ledger.enter(connection.receive('{"type":"connection_init"}', now)),
    ),
  },
  {
    weight: 2,
    arbitrary: fc
      .option(jsonObject, { nil: undefined })
      .map<ServerAct>(
        (payload) => (connection, ledger, now) => ledger.enter(connection.accept(now, payload)),
      ),
  },
  {
    weight: 3,
    arbitrary: fc
      .tuple(fc.nat(), errors)
      .map(([which, failure]) =>
        endOne((connection, operation) => connection.error(operation, failure), which),
      ),
  },
  {
    weight: 3,
    arbitrary: fc
      .nat()
      .map((which) => endOne((connection, operation) => connection.complete(operation), which)),
  },
  {
    weight: 1,
    arbitrary: anyText.map<ServerAct>(
      (reason) => (connection, ledger, now) => ledger.enter(connection.refuse(now, { reason })),
    ),
  },
  {
    weight: 1,
    arbitrary: anyText.map<ServerAct>(
      (reason) => (connection, ledger, now) =>
        ledger.enter(connection.close(now, 'FORBIDDEN', reason)),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom<ServerAct>(
      (connection, ledger, now) => ledger.enter(connection.fail(now)),
      (connection, ledger) => ledger.enter(connection.closed()),
      (connection, _ledger, now) => connection.heard(now),
    ),
  },
);

describe.each(protocols)('a %s server', (protocol) => {
  it('survives anything: outputs are well-formed, operations end once, nothing follows close', () => {
    fc.assert(
      fc.property(timed(serverAct), (acts) => {
        const connection = createServerConnection(protocol, 0, { controlMessageBurst: 20 });
        const ledger = new ServerLedger(connection);
        let now = 0;
        for (const [delay, act] of acts) {
          now += delay;
          act(connection, ledger, now);
          ledger.enter(connection.tick(now));
          expect(connection.deadline).toBeGreaterThan(now);
        }
        ledger.enter(connection.closed());
        ledger.finish();
      }),
      runs,
    );
  });
});

type ClientAct = (connection: ClientConnection, ledger: ClientLedger, now: number) => void;

const clientAct: fc.Arbitrary<ClientAct> = fc.oneof(
  {
    weight: 10,
    arbitrary: anyFrame.map<ClientAct>(
      (frame) => (connection, ledger, now) => ledger.enter(connection.receive(frame, now)),
    ),
  },
  { weight: 4, arbitrary: fc.constant<ClientAct>((_connection, ledger) => ledger.subscribe()) },
  {
    weight: 2,
    arbitrary: fc.nat().map<ClientAct>((which) => (_connection, ledger) => {
      const operation = ledger.operations[which % ledger.operations.length];
      if (operation !== undefined) ledger.cancel(operation);
    }),
  },
  {
    weight: 1,
    arbitrary: fc.constant<ClientAct>((connection, ledger, now) => {
      ledger.enter(connection.receive('{"type":"connection_ack"}', now));
    }),
  },
  {
    weight: 1,
    arbitrary: fc.oneof(
      fc.constant<ClientAct>((connection, ledger) => ledger.enter(connection.close())),
      fc
        .integer({ min: 1000, max: 4999 })
        .map<ClientAct>(
          (code) => (connection, ledger) => ledger.enter(connection.closed(code, '')),
        ),
    ),
  },
);

describe.each([
  ['graphql-transport-ws', createGraphqlTransportWsClient],
  ['subscriptions-transport-ws', createSubscriptionsTransportWsClient],
  ['appsync', createAppsyncClient],
] as const)('a %s client', (_protocol, create) => {
  it('survives anything: operations end once, and nothing follows close', () => {
    fc.assert(
      fc.property(timed(clientAct), fc.boolean(), (acts, isReady) => {
        const connection = create({ pingAfterMs: 9_000 });
        const ledger = new ClientLedger(connection);
        ledger.enter(connection.opened(0, connection.subprotocol));
        ledger.enter(connection.initialise(0));
        if (isReady) ledger.enter(connection.receive('{"type":"connection_ack"}', 0));
        let now = 0;
        for (const [delay, act] of acts) {
          now += delay;
          act(connection, ledger, now);
          ledger.enter(connection.tick(now));
          expect(connection.deadline).toBeGreaterThan(now);
        }
        ledger.enter(connection.closed(1006, ''));
        ledger.finish();
      }),
      runs,
    );
  });
});

describe('negotiation', () => {
  it('chooses among the offered tokens only, whatever their order', () => {
    const tokens = fc.uniqueArray(
      fc.oneof(fc.constantFrom('graphql-ws', 'graphql-transport-ws'), anyText),
    );
    fc.assert(
      fc.property(tokens, fc.subarray([...protocols]), (offered, spoken) => {
        const answer = negotiate(offered, spoken);
        expect(negotiate(offered.toReversed(), spoken.toReversed())).toEqual(answer);
        expect(answer.kind === 'none' || offered.includes(answer.subprotocol)).toBe(true);
        expect(answer.kind === 'none' || spoken.includes(answer.protocol)).toBe(true);
      }),
    );
  });
});
