import { createMemoryBroker } from 'millrace/broker/memory';
import { subscriptionsTransportWs, websocket } from 'millrace/client/websocket';
import { describe, expect, it } from 'vitest';

import { away, stage, watch } from '../../support/coming-back.ts';
import type { ReturnStage } from '../../support/coming-back.ts';

describe.each([
  ['alone in its group', 0],
  ['in a group that went on', 1],
])('a resumable subscription, %s', (_title, others) => {
  it('gets what happened while it was away, once and in order', async () => {
    const here = stage();
    const { clock, publish, connect } = here;
    const watched = watch(connect(), 'subscription { tick }', 'tick');
    await clock.settle();
    await publish(1, 2);
    for (let i = 0; i < others; i += 1) watch(connect(false), 'subscription { tick }', 'tick');
    await clock.settle();

    await away(here, () => publish(3, 4));
    await publish(5);

    expect(watched).toEqual({
      heard: [1, 2, 3, 4, 5],
      states: ['idle', 'connecting', 'live', 'reconnecting', 'live', 'recovered'],
    });
  });
});

describe('a resumable subscription', () => {
  it('has a place to come back to before its first event', async () => {
    const here = stage();
    const watched = watch(here.connect(), 'subscription { tick }', 'tick');
    await here.clock.settle();

    await away(here, () => here.publish(1));

    expect(watched.heard).toEqual([1]);
    expect(watched.states.at(-1)).toBe('recovered');
  });

  it.each([
    ['its own filter', 'even', [2, 4]],
    ['an execution of its own', 'mine', [1, 2, 3, 4]],
  ])('comes back with %s', async (_what, field, heard) => {
    const here = stage();
    const watched = watch(here.connect(), `subscription { ${field} }`, field);
    await here.clock.settle();
    await here.publish(1, 2);

    await away(here, () => here.publish(3, 4));

    expect(watched.heard).toEqual(heard);
    expect(watched.states.at(-1)).toBe('recovered');
  });

  it('reads a snapshot once, and again only if events are missing', async () => {
    const here = stage({}, { events: 3 });
    const watched = watch(here.connect(), 'subscription { state }', 'state');
    await here.clock.settle();
    await here.publish(1);

    await away(here, () => here.publish(2));
    const afterFirst = [...watched.heard];
    await away(here, () => here.publish(3, 4, 5, 6, 7));

    expect(afterFirst).toEqual([0, 1, 2]);
    expect(watched.heard).toEqual([0, 1, 2, 7]);
    expect(watched.states.slice(-2)).toEqual(['live', 'gap']);
  });

  it('reads a snapshot again that it did not read to its end', async () => {
    const here = stage();
    const watched = watch(here.connect(), 'subscription { rows }', 'rows');
    await here.clock.settle();
    const atFirst = [...watched.heard];

    await away(here, () => here.publish(5));
    here.finishRows();
    await here.clock.settle();
    await here.publish(6);

    expect(atFirst).toEqual([1]);
    expect(watched.heard).toEqual([1, 1, 2, 6]);
    expect(watched.states.at(-1)).toBe('live');
  });

  it('is told that events are missing, and gets none of the rest of them', async () => {
    const here = stage({}, { events: 3 });
    const gaps: unknown[] = [];
    const client = here.connect({ onGap: (gap) => gaps.push(gap) });
    const watched = watch(client, 'subscription { tick }', 'tick');
    await here.clock.settle();
    await here.publish(1);

    await away(here, () => here.publish(2, 3, 4, 5, 6));
    await here.publish(7);

    expect(watched.heard).toEqual([1, 7]);
    expect(watched.states.at(-1)).toBe('gap');
    expect(gaps).toHaveLength(1);
  });

  it('ends with an error if it would rather have none than some', async () => {
    const here = stage({}, { events: 3 });
    const watched = watch(here.connect({ onGap: 'fail' }), 'subscription { tick }', 'tick');
    await here.clock.settle();

    await away(here, () => here.publish(2, 3, 4, 5, 6));

    expect(watched.heard).toEqual(['RESUME_GAP']);
    expect(watched.states.at(-1)).toBe('ended');
    expect(here.server.gauges().readers).toBe(0);
  });

  it('speaks the legacy protocol, too', async () => {
    const here = stage();
    const client = here.connect(
      {},
      {
        transport: websocket({
          WebSocket: here.network.WebSocket,
          protocol: subscriptionsTransportWs,
        }),
      },
    );
    const watched = watch(client, 'subscription { tick }', 'tick');
    await here.clock.settle();

    await away(here, () => here.publish(1));

    expect(watched.heard).toEqual([1]);
  });

  it('is an ordinary one where the server has it turned off', async () => {
    const here = stage({ resume: false });
    const watched = watch(here.connect(), 'subscription { tick }', 'tick');
    await here.clock.settle();

    await away(here, () => here.publish(1));
    await here.publish(2);

    expect(watched.heard).toEqual([2]);
    expect(watched.states.at(-1)).toBe('live');
  });
});

describe('a client that did not opt in', () => {
  it('sees nothing of all that', async () => {
    const here = stage();
    watch(here.connect(), 'subscription { tick }', 'tick');
    const watched = watch(here.connect(false), 'subscription { tick }', 'tick');
    await here.clock.settle();

    await here.publish(1);

    // results with extensions would stand beside them
    expect(watched.heard).toEqual([1]);
  });
});

const key = (id: string): { readonly id: string; readonly secret: string } => ({
  id,
  secret: `${id}-${'s'.repeat(32)}`,
});

/** What the server says to a subscription that brings `token`. */
async function report(here: ReturnStage, token: unknown, room = 'r'): Promise<unknown> {
  const client = here.connect(false);
  const results: unknown[] = [];
  client
    .subscribe({
      query: `subscription { tick(room: "${room}") }`,
      extensions: { resume: { token } },
    })
    .subscribe(({ extensions }) => results.push(extensions?.['resume']));
  await here.clock.settle();
  client.close();
  return results[0];
}

async function tokenOf(here: ReturnStage): Promise<string> {
  const { token } = (await report(here, undefined)) as { readonly token: string };
  return token;
}

describe('a token', () => {
  it('is short, and says nothing of what it is about', async () => {
    const token = await tokenOf(stage());

    expect(token.length).toBeLessThanOrEqual(256);
    expect(token).not.toMatch(/tick/);
  });

  it.each([
    ['of another room', 'other', (token: string) => token],
    ['that somebody changed', 'r', (token: string) => token.replace(/\.\w/, '.x')],
    [
      'whose position somebody changed',
      'r',
      (token: string) => `${token.slice(0, 14)}A${token.slice(15)}`,
    ],
    ['that is cut', 'r', (token: string) => token.slice(0, -1)],
    ['that is longer', 'r', (token: string) => `${token}.`],
    ['that is none', 'r', () => 'x'.repeat(100_000)],
    ['that is empty', 'r', () => ''],
  ])('%s replays nothing', async (_which, room, change) => {
    const here = stage();
    const token = await tokenOf(here);

    expect(await report(here, change(token), room)).toMatchObject({
      recovered: false,
      reason: 'RESUME_INVALID',
    });
  });

  it('is too old after a day', async () => {
    let now = 0;
    const here = stage({ resume: { now: () => now } });
    const token = await tokenOf(here);
    now = 86_400_000;
    const stillGood = await report(here, token);
    now += 1;

    expect(stillGood).toMatchObject({ recovered: true });
    expect(await report(here, token)).toMatchObject({ reason: 'RESUME_EXPIRED' });
  });

  it('outlives the key that it was made with, until that is taken out', async () => {
    const broker = createMemoryBroker();
    const withKeys = (...ids: readonly string[]): ReturnStage =>
      stage({ resume: { keys: ids.map(key) } }, {}, broker);
    const token = await tokenOf(withKeys('old'));

    expect(await report(withKeys('new', 'old'), token)).toMatchObject({ recovered: true });
    expect(await report(withKeys('new'), token)).toMatchObject({ reason: 'RESUME_INVALID' });
  });

  it('of another process finds no log to go on in', async () => {
    const keys = [key('k')];
    const token = await tokenOf(stage({ resume: { keys } }));

    expect(await report(stage({ resume: { keys } }), token)).toMatchObject({
      recovered: false,
      reason: 'RESUME_GAP',
    });
  });

  it.each([
    ['no key', []],
    ['a short secret', [{ id: 'k', secret: 'short' }]],
    ['an id with a dot', [{ id: 'a.b', secret: 's'.repeat(32) }]],
    ['the same id twice', [key('k'), key('k')]],
  ])('cannot be made with %s', (_what, keys) => {
    expect(() => stage({ resume: { keys } })).toThrow(/resume|key/);
  });
});
