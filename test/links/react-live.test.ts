// @vitest-environment happy-dom
import { act, configure, renderHook } from '@testing-library/react';
import { http } from 'millrace/client/http';
import { resumable } from 'millrace/client/resume';
import { useLive } from 'millrace/links/react';
import type { Mock } from 'millrace/testing';
import { afterEach, describe, expect, it, vi } from 'vitest';

import { leaveStage, reactStage } from '../support/react-stage.ts';
import type { ReactStage } from '../support/react-stage.ts';

interface Answer {
  readonly items: readonly string[];
}

interface Added {
  readonly itemAdded: string;
}

const items = (...texts: readonly string[]) => ({ data: { items: texts } });
const added = (text: string) => ({ data: { itemAdded: text } });
const gap = { extensions: { resume: { token: 'g', recovered: false } } };

function merge(data: Answer, { itemAdded }: Added): Answer {
  if (data.items.includes(itemAdded)) return data;
  return { ...data, items: [...data.items, itemAdded] };
}

const options = {
  query: { query: 'query Items { items }' },
  subscription: { query: 'subscription Added { itemAdded }' },
  merge,
};

type Options = Partial<Parameters<typeof useLive<Answer, object, Added, object>>[0]>;

function ofList(list: string): Options {
  return {
    query: { ...options.query, variables: { list } },
    subscription: { ...options.subscription, variables: { list } },
  };
}

function show(stage: ReactStage, initialProps: Options = {}) {
  return renderHook(
    (others: Options) => useLive<Answer, object, Added, object>({ ...options, ...others }),
    { wrapper: stage.wrapper, initialProps },
  );
}

/** A server that goes on from a token, or says that it cannot, and a client that asks it to. */
function resuming(outcome: 'recovered' | 'gap', Items: Mock): ReactStage {
  const listening: Mock = ({ extensions }) => {
    const isBack = JSON.stringify(extensions).includes('token');
    const report = { token: '1', ...(isBack && { recovered: outcome === 'recovered' }) };
    return [{ extensions: { resume: report } }];
  };
  return reactStage({ Items, Added: listening }, { resume: resumable() });
}

/** Answers each time with the next one, and goes on with the last. */
function inTurn(...answers: readonly (() => ReturnType<typeof items>)[]): Mock {
  let count = 0;
  return () => {
    const answer = answers[Math.min(count, answers.length - 1)];
    count += 1;
    return answer ? [answer()] : [];
  };
}

afterEach(leaveStage);

describe('useLive', () => {
  it('asks once the subscription runs, and merges every event since', async () => {
    const stage = reactStage({ Items: [items('a')], Added: [] });
    const { result } = show(stage);
    expect(result.current).toMatchObject({ status: 'connecting', data: undefined });
    await stage.settle();
    expect(result.current).toMatchObject({ status: 'live', data: { items: ['a'] } });

    stage.server.push('Added', added('b'), added('c'), added('b'));
    await stage.settle();

    expect(result.current).toMatchObject({ status: 'live', data: { items: ['a', 'b', 'c'] } });
    expect(stage.server.operations.map(({ kind }) => kind)).toEqual(['subscription', 'query']);
  });

  it('asks only when the server says that it listens, where it does', async () => {
    const stage = reactStage({ Items: [items('a')], Added: [] }, { resume: resumable() });
    const { result } = show(stage);
    await stage.settle();
    expect(stage.asked('Items')).toEqual([]);

    stage.server.push('Added', { extensions: { resume: { token: '1' } } });
    await stage.settle();

    expect(stage.asked('Items')).toEqual([false]);
    expect(result.current.status).toBe('live');
  });

  it('merges what arrived before the answer into the answer', async () => {
    const stage: ReactStage = reactStage({
      Added: [],
      Items: () => {
        stage.server.push('Added', added('b'), added('c'));
        return [items('a', 'b')];
      },
    });
    const { result } = show(stage);

    await stage.settle();

    expect(result.current.data).toEqual({ items: ['a', 'b', 'c'] });
  });

  it('asks again after a lost connection of which the server says nothing', async () => {
    const stage = reactStage({
      Added: [],
      Items: inTurn(
        () => items('a'),
        () => items('a', 'missed'),
      ),
    });
    const { result } = show(stage);
    await stage.settle();

    stage.server.connections[0]?.drop();
    await stage.settle();
    expect(result.current).toMatchObject({ status: 'reconnecting', data: { items: ['a'] } });
    await stage.advance(1_000);

    expect(result.current).toMatchObject({ status: 'live', data: { items: ['a', 'missed'] } });
  });

  it('asks nothing again after a lost connection over which no event was lost', async () => {
    const stage = resuming('recovered', [items('a')]);
    const { result } = show(stage);
    await stage.settle();

    await stage.reconnect();
    stage.server.push('Added', added('b'));
    await stage.settle();

    expect(result.current).toMatchObject({ status: 'recovered', data: { items: ['a', 'b'] } });
    expect(stage.asked('Items')).toHaveLength(1);
  });

  it('asks again after each gap, and shows until then what it has', async () => {
    const stage: ReactStage = resuming(
      'gap',
      inTurn(
        () => items('a'),
        () => items('a', 'b'),
        () => {
          stage.server.push('Added', added('d'));
          return items('a', 'b', 'c');
        },
      ),
    );
    const { result } = show(stage);
    await stage.settle();

    await stage.reconnect();
    expect(result.current).toMatchObject({ status: 'live', data: { items: ['a', 'b'] } });
    stage.server.push('Added', gap);
    stage.server.connections[1]?.delay(100, 'to-client');
    await stage.settle();
    expect(result.current).toMatchObject({ status: 'gap', data: { items: ['a', 'b'] } });
    await stage.advance(100);

    expect(result.current).toMatchObject({
      status: 'live',
      data: { items: ['a', 'b', 'c', 'd'] },
    });
    expect(stage.asked('Items')).toHaveLength(3);
  });

  it('takes no answer that was asked for before a gap', async () => {
    const stage: ReactStage = resuming(
      'gap',
      inTurn(
        () => {
          stage.server.push('Added', gap);
          return items('stale');
        },
        () => items('fresh'),
      ),
    );
    const { result } = show(stage);

    await stage.settle();

    expect(result.current).toMatchObject({ status: 'live', data: { items: ['fresh'] } });
    expect(stage.asked('Items')).toHaveLength(2);
  });

  it.each(['recovered', 'gap'] as const)(
    'asks again if the connection was lost before the answer, then %s',
    async (outcome) => {
      const stage: ReactStage = resuming(
        outcome,
        inTurn(
          () => {
            stage.server.connections[0]?.drop();
            return items('lost');
          },
          () => items('a'),
        ),
      );
      const { result } = show(stage);
      await stage.settle();
      expect(result.current).toMatchObject({ status: 'reconnecting', error: undefined });

      await stage.advance(1_000);

      expect(result.current).toMatchObject({ status: 'live', data: { items: ['a'] } });
    },
  );

  it('tells what the transport fails at, keeps what it has, and asks again when told to', async () => {
    let response = new Response('no', { status: 403 });
    const queries = http({ fetch: async () => response });
    const stage = reactStage({ Added: [] }, { queries });
    const { result } = show(stage);
    await stage.settle();
    expect(result.current).toMatchObject({ status: 'gap', error: { status: 403 } });

    response = Response.json(items('a'));
    act(() => result.current.restart());
    await stage.settle();
    expect(result.current).toMatchObject({ status: 'live', error: undefined });
    response = new Response('no', { status: 403 });
    act(() => result.current.restart());
    await stage.settle();
    stage.server.push('Added', added('b'));
    await stage.settle();

    expect(result.current).toMatchObject({
      status: 'gap',
      error: { status: 403 },
      data: { items: ['a', 'b'] },
    });
    expect(stage.asked('Added')).toEqual([false, false, true]);
  });

  it('tries a query again whose own connection failed', async () => {
    let response = new Response('wait', { status: 503 });
    const queries = http({ fetch: async () => response });
    const stage = reactStage({ Added: [] }, { queries });
    const { result } = show(stage);
    await stage.settle();
    expect(result.current).toMatchObject({ status: 'connecting', error: undefined });

    response = Response.json(items('a'));
    await stage.advance(1_000);

    expect(result.current).toMatchObject({ status: 'live', data: { items: ['a'] } });
  });

  it('gives GraphQL errors of the answer and of events, and keeps the data', async () => {
    const stage = reactStage({
      Added: [],
      Items: [{ ...items('a'), errors: [{ message: 'in part' }] }],
    });
    const { result } = show(stage);
    await stage.settle();
    expect(result.current).toMatchObject({
      status: 'live',
      errors: [{ message: 'in part' }],
      data: { items: ['a'] },
    });

    stage.server.push('Added', { data: null, errors: [{ message: 'of an event' }] });
    await stage.settle();

    expect(result.current).toMatchObject({
      errors: [{ message: 'of an event' }],
      data: { items: ['a'] },
    });
  });

  it('is not current with an answer that has no data', async () => {
    const stage = reactStage({ Added: [], Items: [{ errors: [{ message: 'not you' }] }] });
    const { result } = show(stage);

    await stage.settle();

    expect(result.current).toMatchObject({
      status: 'gap',
      errors: [{ message: 'not you' }],
      data: undefined,
    });
  });

  it('is over when the subscription is, also where the answer comes later', async () => {
    const stage: ReactStage = reactStage({
      Added: [],
      Items: () => {
        stage.server.complete('Added');
        return [items('a')];
      },
    });
    const { result } = show(stage);

    await stage.settle();

    expect(result.current).toMatchObject({ status: 'ended', data: { items: ['a'] } });
  });

  it('tells why the subscription ended', async () => {
    const stage = reactStage({ Added: [], Items: [items('a')] }, { retry: false });
    const { result } = show(stage);
    await stage.settle();

    stage.server.connections[0]?.drop();
    await stage.settle();

    expect(result.current).toMatchObject({
      status: 'ended',
      error: { code: 'CONNECTION_LOST' },
      data: { items: ['a'] },
    });
  });

  it('asks once more after an answer for which too many events had to be kept', async () => {
    const stage: ReactStage = reactStage({
      Added: [],
      Items: inTurn(
        () => {
          const texts = Array.from({ length: 1_025 }, (_, index) => added(String(index)));
          stage.server.push('Added', ...texts);
          return items('a');
        },
        () => items('all'),
      ),
    });
    const { result } = show(stage);

    await stage.settle();

    expect(result.current).toMatchObject({ status: 'live', data: { items: ['all'] } });
    expect(stage.asked('Items')).toHaveLength(2);
  });

  it('throws from the component what `merge` throws', async () => {
    vi.spyOn(console, 'error').mockImplementation(() => {});
    const stage: ReactStage = reactStage({ Added: [], Items: [items('a')] });
    show(stage, {
      merge: () => {
        throw new Error('of the merge');
      },
    });
    await stage.settle();

    stage.server.push('Added', added('b'));

    await expect(stage.settle()).rejects.toThrow('of the merge');
    vi.restoreAllMocks();
  });
});

describe('the operations of useLive', () => {
  it('run once in strict mode, and end once with the component', async () => {
    configure({ reactStrictMode: true });
    const stage = reactStage({ Added: [], Items: [items('a')] });
    const { unmount, result } = show(stage);
    await stage.settle();
    expect(result.current.status).toBe('live');
    expect(stage.server.operations.map(({ isOpen }) => isOpen)).toEqual([true, false]);

    unmount();
    await stage.advance(60_000);

    expect(stage.server.operations.map(({ isOpen }) => isOpen)).toEqual([false, false]);
    expect(stage.clock.timerCount).toBe(0);
  });

  it('are both stopped by a component that goes before the answer', async () => {
    const stage: ReactStage = reactStage({
      Added: [],
      Items: () => {
        mounted.unmount();
        return [items('a')];
      },
    });
    const mounted = show(stage);

    await stage.advance(60_000);

    expect(mounted.result.current.data).toBeUndefined();
    expect(stage.server.operations.map(({ isOpen }) => isOpen)).toEqual([false, false]);
    expect(stage.clock.timerCount).toBe(0);
  });

  it('are others for other variables, of which nothing old is shown', async () => {
    const stage = reactStage({
      Added: [],
      Items: ({ variables }) => [items(String(variables?.['list']))],
    });
    const { rerender, result } = show(stage, ofList('a'));
    await stage.settle();

    rerender(ofList('a'));
    await stage.settle();
    expect(stage.server.operations).toHaveLength(2);
    rerender(ofList('b'));
    expect(result.current.data).toBeUndefined();
    await stage.settle();

    expect(result.current.data).toEqual({ items: ['b'] });
    expect(stage.asked('Added')).toEqual([false, true]);
  });

  it('wait while they are paused, and the data stays', async () => {
    const stage = reactStage({
      Added: [],
      Items: inTurn(
        () => items('a'),
        () => items('a', 'b'),
      ),
    });
    const { rerender, result } = show(stage);
    await stage.settle();

    rerender({ pause: true });
    await stage.settle();
    expect(result.current).toMatchObject({ status: 'idle', data: { items: ['a'] } });
    expect(stage.asked('Added')).toEqual([false]);
    rerender({ pause: false });
    await stage.settle();

    expect(result.current).toMatchObject({ status: 'live', data: { items: ['a', 'b'] } });
  });
});
