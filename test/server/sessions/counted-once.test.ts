import { describe, expect, it } from 'vitest';

import { sessionStage } from '../../support/session-stage.ts';

const ada = { name: 'ada', expiresInMs: 60_000 };
/** Of a protocol that gives no grace, a socket whose client takes its time to answer a close. */
const slow = { answersClose: false, protocol: 'subscriptions-transport-ws' } as const;
const revokesAda = ({ name }: { readonly name?: unknown }): boolean => name === 'ada';

/** A query that its session does not outlast. */
async function runningQuery() {
  const stage = sessionStage();
  const answer = await stage.ask(ada, { body: { query: '{ slow }' } });
  await stage.clock.advance(60_050);
  return { ...stage, answer };
}

describe('the counters of sessions that ended have', () => {
  it('one that expired and is revoked while its socket closes as expired alone', async () => {
    const { enter, server, clock } = sessionStage();
    await enter(ada, slow);
    await clock.advance(60_050);

    expect(server.revokeHere(revokesAda)).toBe(0);

    expect(server.counters()).toMatchObject({ expiredSessions: 1, revokedSessions: 0 });
  });

  it('one that was revoked and expires while its socket closes as revoked alone', async () => {
    const { enter, server, clock } = sessionStage();
    await enter({ ...ada, expiresInMs: 1_000 }, slow);

    expect(server.revokeHere(revokesAda)).toBe(1);
    await clock.advance(1_050);

    expect(server.counters()).toMatchObject({ expiredSessions: 0, revokedSessions: 1 });
  });

  it('none whose socket was closing for another reason', async () => {
    const { enter, server } = sessionStage();
    const { client } = await enter(ada, { answersClose: false });
    client.send('no JSON');

    expect(server.revokeHere(revokesAda)).toBe(0);
    expect(server.counters()).toMatchObject({ expiredSessions: 0, revokedSessions: 0 });
  });

  it('one whose answer goes on after it expired, and is revoked then, as revoked alone', async () => {
    const { server, clock, answer } = await runningQuery();

    expect(server.revokeHere(revokesAda)).toBe(1);
    await clock.settle();

    expect(await answer.answered).toMatchObject({ status: 403 });
    expect(server.counters()).toMatchObject({ expiredSessions: 0, revokedSessions: 1 });
  });

  it('none whose answer came although it had expired', async () => {
    const { server, clock, app, answer } = await runningQuery();

    app.release('slow');
    await clock.settle();

    expect(answer.json).toEqual({ data: { slow: 'late' } });
    expect(server.counters()).toMatchObject({ expiredSessions: 0, revokedSessions: 0 });
  });
});
