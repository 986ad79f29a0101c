import { describe, expect, it } from 'vitest';

import { messagesOf } from '../../support/conversation.ts';
import { sessionStage, startedAt } from '../../support/session-stage.ts';

const ada = { name: 'ada', expiresInMs: 60_000 };

describe('fresh credentials in a ping', () => {
  it('are answered in time even if verifying them takes longer, and again when that is done', async () => {
    const gates: (() => void)[] = [];
    const stage = sessionStage({
      onConnect: async ({ renews }) => {
        if (renews) await new Promise<void>((resolve) => gates.push(resolve));
        return { name: 'ada', expiresAt: startedAt + 60_000 };
      },
    });
    const { client } = await stage.enter(ada);

    stage.renew(client, ada, { at: 1 });
    await stage.clock.advance(5_000);
    const first = { type: 'pong', payload: { at: 1 } };
    expect(await messagesOf(client)).toEqual([first]);
    for (const go of gates) go();

    expect(await messagesOf(client)).toEqual([
      first,
      { type: 'pong', payload: { at: 1, extensions: { session: { expiresInMs: 55_000 } } } },
    ]);
    expect(stage.server.gauges().connections).toBe(1);
  });

  it('do not make another of the session that the hook was shown', async () => {
    const { enter, renew } = sessionStage({
      onConnect: ({ renews, connectionParams }) =>
        Object.assign(renews ?? { expiresAt: startedAt + 60_000 }, {
          name: connectionParams['name'] ?? 'ada',
        }),
    });
    const { client } = await enter(ada);

    renew(client, { ...ada, name: 'bob' });

    expect(await client.next()).toMatchObject({ kind: 'close', code: 4403 });
  });

  it('of nobody do not renew the session of somebody', async () => {
    const session = { name: 'ada' as string | undefined, expiresAt: startedAt + 60_000 };
    const { enter, renew } = sessionStage({
      onConnect: ({ renews }) => Object.assign(session, { name: renews ? undefined : 'ada' }),
    });
    const { client } = await enter(ada);

    renew(client, ada);

    expect(await client.next()).toMatchObject({ kind: 'close', code: 4403 });
  });
});
