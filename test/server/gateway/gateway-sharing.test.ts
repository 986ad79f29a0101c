import { beforeEach, describe, expect, it } from 'vitest';

import { GatewayStage } from '../../support/gateway-stage.ts';

let stage: GatewayStage;

beforeEach(async () => {
  stage = new GatewayStage();
  for (const user of ['ada', 'alan', 'bob']) await stage.join(user, { user });
});

const everybody = async (query: string): Promise<void> => {
  for (const user of ['ada', 'alan', 'bob']) await stage.subscribe(user, '1', query);
};
const publish = (event: object): Promise<unknown> =>
  stage.fresh.publish('said', { room: 'x', ...event }, { key: 'x' });
const dataOf = (user: string): unknown =>
  stage.taken(user).map((frame) => (frame as { readonly payload: unknown }).payload);

describe('what is published through a gateway', () => {
  it('is executed for each subscriber where the answer may depend on who asks', async () => {
    await everybody('subscription { saidToMe(room: "x") { reader } }');

    await publish({ text: 'hi' });

    expect(stage.executed.toSorted()).toEqual(['ada', 'alan', 'bob']);
    expect(dataOf('alan')).toEqual([{ data: { saidToMe: { reader: 'alan' } } }]);
  });

  it('is executed once per audience, whatever page of the store its members are on', async () => {
    await everybody('subscription { saidToAudience(room: "x") { reader } }');

    await publish({ text: 'hi' });

    expect(stage.executed.toSorted()).toEqual(['a', 'b']);
    expect(dataOf('ada')).toEqual([{ data: { saidToAudience: { reader: 'a' } } }]);
    expect(dataOf('alan')).toEqual([{ data: { saidToAudience: { reader: 'a' } } }]);
    expect(dataOf('bob')).toEqual([{ data: { saidToAudience: { reader: 'b' } } }]);
  });

  it('is executed apart for those who ask differently', async () => {
    await stage.subscribe('ada', '1', 'subscription { said(room: "x") { text } }');
    await stage.subscribe('bob', '1', 'subscription { said(room: "x") { by } }');

    await publish({ text: 'hi', by: 'cleo' });

    expect(dataOf('ada')).toEqual([{ data: { said: { text: 'hi' } } }]);
    expect(dataOf('bob')).toEqual([{ data: { said: { by: 'cleo' } } }]);
  });

  it('is executed for each subscriber if it reached for a context', async () => {
    await everybody('subscription { said(room: "x") { reader } }');

    await publish({
      text: 'hi',
      reader: (_: unknown, { session }: { readonly session: { readonly user: string } }) =>
        session.user,
    });

    expect(dataOf('ada')).toEqual([{ data: { said: { reader: 'ada' } } }]);
    expect(dataOf('bob')).toEqual([{ data: { said: { reader: 'bob' } } }]);
  });

  it('passes the filter of each subscriber, who is known by the stored session', async () => {
    await everybody('subscription { saidByOthers(room: "x") { by } }');

    expect(await publish({ text: 'hi', by: 'alan' })).toEqual({
      delivered: 2,
      gone: 0,
      failed: 0,
    });
    expect(dataOf('ada')).toHaveLength(1);
    expect(dataOf('alan')).toEqual([]);
  });

  it('passes a filter that a later version of the program has and the stored subscription had not', async () => {
    await everybody('subscription { said(room: "x") { by } }');
    // what was stored says that there is nothing to ask each of them
    for (const text of stage.store.texts) expect(text).toContain('"hasSteps":false');
    stage.filterAll = ({ by }, user) => by !== user;

    await publish({ text: 'hi', by: 'alan' });

    expect(dataOf('bob')).toHaveLength(1);
    expect(dataOf('alan')).toEqual([]);
  });

  it('fails for one subscriber whose filter throws, and for nobody else', async () => {
    stage.filterAll = (_event, user) => {
      if (user === 'ada') throw new Error('a secret');
      return true;
    };
    await everybody('subscription { said(room: "x") { text } }');

    await publish({ text: 'hi' });

    expect(dataOf('ada')).toMatchObject([{ errors: [{ message: 'Internal server error' }] }]);
    expect(dataOf('bob')).toEqual([{ data: { said: { text: 'hi' } } }]);
  });

  it('ends the subscription whose context cannot be made again, and no other', async () => {
    let refused = 'nobody';
    stage = new GatewayStage({
      server: {
        context: ({ session, request }) => {
          if ('user' in session && session.user === refused) throw new Error('no longer a member');
          return { session, request };
        },
      },
    });
    for (const user of ['ada', 'bob']) {
      await stage.join(user, { user });
      await stage.subscribe(user, '1', 'subscription { saidToMe(room: "x") { text } }');
    }
    refused = 'ada';

    expect(await publish({ text: 'hi' })).toEqual({ delivered: 1, gone: 0, failed: 1 });
    expect(stage.taken('ada')).toMatchObject([{ id: '1', type: 'error' }]);
    expect(stage.store.subscriptionCount).toBe(1);
  });

  it('passes through onNext, for each subscriber apart', async () => {
    stage = new GatewayStage({
      server: {
        onNext: ({ session, result }) => ({
          ...result,
          extensions: { for: 'user' in session ? session.user : undefined },
        }),
      },
    });
    await stage.join('ada', { user: 'ada' });
    await stage.subscribe('ada', '1', 'subscription { said(room: "x") { text } }');

    await publish({ text: 'hi' });

    expect(dataOf('ada')).toEqual([{ data: { said: { text: 'hi' } }, extensions: { for: 'ada' } }]);
  });
});

describe('a subscription behind a gateway', () => {
  it('begins with its snapshot', async () => {
    expect(
      await stage.subscribe('ada', '1', 'subscription { history(room: "x") { text } }'),
    ).toMatchObject([
      { payload: { data: { history: { text: 'first' } } } },
      { payload: { data: { history: { text: 'second' } } } },
    ]);

    await publish({ text: 'third' });

    expect(dataOf('ada')).toEqual([{ data: { history: { text: 'third' } } }]);
  });

  it('is refused if its source lives in a process', async () => {
    expect(await stage.subscribe('ada', '1', 'subscription { ticks }')).toMatchObject([
      { id: '1', type: 'error', payload: [{ extensions: { code: 'SOURCE_NEEDS_PROCESS' } }] },
    ]);
    expect(stage.store.subscriptionCount).toBe(0);
  });

  it('is refused if its key is too long to be kept for each of them', async () => {
    const query = `subscription { said(room: "${'x'.repeat(1_100)}") { text } }`;
    expect(await stage.subscribe('ada', '1', query)).toMatchObject([
      { id: '1', type: 'error', payload: [{ extensions: { code: 'TOPIC_KEY_TOO_LONG' } }] },
    ]);
    expect(stage.store.subscriptionCount).toBe(0);
  });
});
