import { createMemoryBroker } from 'millrace/broker/memory';
import type { Revocation, ServerOptions } from 'millrace/server';
import { describe, expect, it } from 'vitest';

import { messagesOf } from '../../support/conversation.ts';
import { interruptible } from '../../support/interruptible-broker.ts';
import type { NamedSession } from '../../support/session-stage.ts';
import { sessionStage, startedAt } from '../../support/session-stage.ts';

const nameOf = (session: unknown): unknown => (session as NamedSession).name; // what the stage made

/** What a client sees whose connect hook is asked before revocations were missed, and answers after that was found out. */
async function gapWhileAsked(options: Partial<ServerOptions>) {
  const broker = createMemoryBroker({ now: () => startedAt, events: 1 });
  const way = interruptible(broker);
  const gates: (() => void)[] = [];
  const here = sessionStage({ broker, revocations: {} });
  const there = sessionStage({
    broker: way,
    revocations: {},
    onConnect: async () => {
      await new Promise<void>((resolve) => gates.push(resolve));
      return { name: 'ada' };
    },
    ...options,
  });
  await there.clock.settle();
  const client = there.connect();
  client.send('{"type":"connection_init"}');
  await there.clock.settle();
  way.interrupt();
  for (const principal of ['ada', 'eve', 'eve']) await here.server.revoke({ principal });
  way.restore();
  await there.clock.advance(500);
  for (const go of gates) go();
  await there.clock.advance(10_000);
  return messagesOf(client);
}

describe('a revocation', () => {
  it.each([{ principal: undefined }, { principal: 42 }, {}, { claim: undefined }])(
    'of nobody, as in %j, is a usage error, and ends nothing',
    async (revocation) => {
      const { enter, server } = sessionStage({ revocations: { matches: () => true } });
      const { client } = await enter({});

      await expect(server.revoke(revocation as Revocation)).rejects.toMatchObject({
        name: 'UsageError',
      });

      expect(await messagesOf(client)).toEqual([]);
    },
  );

  it('ends a session of whom the server cannot tell any more who they are', async () => {
    const failing = { isAway: false };
    const { enter, server, hidden } = sessionStage({
      broker: undefined,
      principal: (session: object) => {
        if (failing.isAway) throw new Error('no directory');
        return (session as NamedSession).name;
      },
    } as object);
    const { client } = await enter({ name: 'ada' });
    failing.isAway = true;

    await server.revoke({ principal: 'ada' });

    expect(await messagesOf(client)).toMatchObject([{ kind: 'close', code: 4403 }]);
    expect(hidden).toEqual(['principal: no directory']);
  });
});

describe('who is let in by a hook that was asked before revocations were missed', () => {
  it('has to come back', async () => {
    expect((await gapWhileAsked({})).at(-1)).toMatchObject({ kind: 'close', code: 1012 });
  });

  it('is asked about, if the server can say', async () => {
    expect(
      (
        await gapWhileAsked({ revocations: { recheck: (session) => nameOf(session) !== 'ada' } })
      ).at(-1),
    ).toMatchObject({
      kind: 'close',
      code: 4403,
    });
  });
});
