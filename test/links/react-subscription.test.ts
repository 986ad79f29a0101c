// @vitest-environment happy-dom
import { act, configure, renderHook } from '@testing-library/react';
import { UsageError } from 'millrace';
import type { OperationResult } from 'millrace/client';
import { resumable } from 'millrace/client/resume';
import { useClient, useSubscription } from 'millrace/links/react';
import { Activity, Suspense, createElement, startTransition } from 'react';
import type { ReactNode } from 'react';
import { afterEach, describe, expect, it, vi } from 'vitest';

import { leaveStage, reactStage } from '../support/react-stage.ts';
import type { ReactStage } from '../support/react-stage.ts';

const query = 'subscription Ticks($room: String) { tick }';

interface Tick {
  readonly tick: number;
}

const tick = (count: number): { readonly data: Tick } => ({ data: { tick: count } });

type Options = Partial<Parameters<typeof useSubscription>[0]>;

function listen(stage: ReactStage, initialProps: Options = {}) {
  return renderHook((options: Options) => useSubscription({ query, ...options } as never), {
    wrapper: stage.wrapper,
    initialProps,
  });
}

/** Sums up, so that a result that is lost or comes twice is seen. */
function collect(stage: ReactStage) {
  return renderHook(
    () =>
      useSubscription({
        query,
        initial: [] as readonly number[],
        reduce: (counts, { data }) => [...counts, Number(data?.['tick'])],
      }),
    { wrapper: stage.wrapper },
  );
}

afterEach(leaveStage);

describe('useSubscription', () => {
  it('shows the newest result, and where the operation is', async () => {
    const stage = reactStage({ Ticks: [] });
    const { result } = listen(stage);
    expect(result.current).toMatchObject({ status: 'connecting', data: undefined });

    await stage.settle();
    expect(result.current.status).toBe('live');
    stage.server.push('Ticks', tick(1));
    stage.server.push('Ticks', { data: null, errors: [{ message: 'no' }], extensions: { a: 1 } });
    await stage.settle();

    expect(result.current).toMatchObject({
      status: 'live',
      data: null,
      errors: [{ message: 'no' }],
      extensions: { a: 1 },
      error: undefined,
      accumulated: undefined,
    });
  });

  it('is over when the server completes it', async () => {
    const stage = reactStage({ Ticks: [tick(1)] });
    const { result } = listen(stage);
    await stage.settle();

    stage.server.complete('Ticks');
    await stage.settle();

    expect(result.current).toMatchObject({ status: 'ended', data: { tick: 1 }, error: undefined });
  });

  it('gives what the server refused it with as errors', async () => {
    const stage = reactStage({ Ticks: [{ errors: [{ message: 'not you' }] }] });
    const { result } = listen(stage);

    await stage.settle();

    expect(result.current).toMatchObject({ status: 'ended', errors: [{ message: 'not you' }] });
  });

  it('gives what the transport failed at, once, and runs again when it is told to', async () => {
    const stage = reactStage({ Ticks: [] }, { retry: { attempts: 0 } });
    const onError = vi.fn();
    const { result } = listen(stage, { onError });
    await stage.settle();
    stage.server.push('Ticks', tick(1));

    stage.server.connections[0]?.drop();
    await stage.settle();
    expect(result.current).toMatchObject({ status: 'ended', error: { code: 'CONNECTION_LOST' } });
    expect(onError).toHaveBeenCalledExactlyOnceWith(result.current.error);
    act(() => result.current.restart());
    await stage.settle();

    expect(result.current).toMatchObject({ status: 'live', error: undefined, data: { tick: 1 } });
    expect(stage.asked('Ticks')).toEqual([false, true]);
  });

  it('shows that it reconnects, and what came of that', async () => {
    const stage = reactStage(
      {
        Ticks: ({ extensions }) => {
          const isBack = JSON.stringify(extensions).includes('token');
          return [{ extensions: { resume: { token: '1', ...(isBack && { recovered: true }) } } }];
        },
      },
      { resume: resumable() },
    );
    const { result } = listen(stage);
    await stage.settle();

    stage.server.connections[0]?.drop();
    await stage.settle();
    expect(result.current.status).toBe('reconnecting');
    await stage.advance(1_000);
    expect(result.current.status).toBe('recovered');
    stage.server.push('Ticks', { extensions: { resume: { token: '2', recovered: false } } });
    await stage.settle();

    expect(result.current.status).toBe('gap');
  });

  it('reduces every result, also those of which none is shown', async () => {
    const stage = reactStage({ Ticks: [] });
    let renderings = 0;
    const { result } = renderHook(
      () => {
        renderings += 1;
        return useSubscription({
          query,
          initial: 0,
          reduce: (sum, { data }) => sum + Number(data?.['tick']),
        });
      },
      { wrapper: stage.wrapper },
    );
    await stage.settle();
    const before = renderings;

    stage.server.push('Ticks', ...Array.from({ length: 50 }, (_, index) => tick(index)));
    await stage.settle();

    expect(result.current.accumulated).toBe(1_225);
    expect(renderings - before).toBeLessThan(50);
  });

  it('calls `onResult` of the newest rendering, for each result', async () => {
    const stage = reactStage({ Ticks: [tick(1), tick(2)] });
    const [first, second] = [vi.fn(), vi.fn()];
    const { rerender } = listen(stage, { onResult: first });
    await stage.settle();

    rerender({ onResult: second });
    stage.server.push('Ticks', tick(3));
    await stage.settle();

    expect(first.mock.calls).toEqual([[tick(1)], [tick(2)]]);
    expect(second.mock.calls).toEqual([[tick(3)]]);
    expect(stage.asked('Ticks')).toEqual([true]);
  });

  it('reports what `onResult` throws to the client, and goes on', async () => {
    const stage = reactStage({ Ticks: [tick(1), tick(2)] });
    const { result } = listen(stage, {
      onResult: () => {
        throw new Error('of the caller');
      },
    });

    await stage.settle();

    expect(stage.reported).toHaveLength(2);
    expect(result.current).toMatchObject({ status: 'live', data: { tick: 2 } });
  });

  it('throws from the component what its reducer throws', async () => {
    const stage = reactStage({ Ticks: [] });
    vi.spyOn(console, 'error').mockImplementation(() => {});
    renderHook(
      () =>
        useSubscription({
          query,
          initial: 0,
          reduce: () => {
            throw new Error('of the reducer');
          },
        }),
      { wrapper: stage.wrapper },
    );
    await stage.settle();

    stage.server.push('Ticks', tick(1));

    await expect(stage.settle()).rejects.toThrow('of the reducer');
    vi.restoreAllMocks();
  });
});

describe('the operation of useSubscription', () => {
  it('runs once in strict mode', async () => {
    configure({ reactStrictMode: true });
    const stage = reactStage({ Ticks: [] });
    const { unmount } = listen(stage);
    await stage.settle();
    expect(stage.asked('Ticks')).toEqual([true]);

    unmount();
    await stage.settle();

    expect(stage.asked('Ticks')).toEqual([false]);
  });

  it('loses no result and takes none twice in strict mode', async () => {
    configure({ reactStrictMode: true });
    const stage = reactStage({ Ticks: [tick(1), tick(2)] });
    const { result } = collect(stage);
    await stage.settle();

    stage.server.push('Ticks', tick(3));
    await stage.settle();

    expect(result.current.accumulated).toEqual([1, 2, 3]);
  });

  it('is stopped once, when the component is gone, and changes nothing any more', async () => {
    const stage = reactStage({ Ticks: [] });
    const sent = vi.spyOn(stage.server.WebSocket.prototype, 'send');
    const onResult = vi.fn();
    const { unmount, result } = listen(stage, { onResult });
    await stage.settle();

    stage.server.push('Ticks', tick(1));
    unmount();
    await stage.settle();

    const types = sent.mock.calls.map(([text]) => /"type":"(\w+)"/.exec(String(text))?.[1]);
    expect(types).toEqual(['connection_init', 'subscribe', 'complete']);
    expect(onResult).not.toHaveBeenCalled();
    expect(result.current.data).toBeUndefined();
    expect(stage.clock.timerCount).toBeGreaterThan(0);
    await stage.advance(60_000);
    expect(stage.clock.timerCount).toBe(0);
  });

  it('stays the same for variables that say the same', async () => {
    const stage = reactStage({ Ticks: [] });
    const at = new Date(0);
    const { rerender } = listen(stage, {
      variables: { room: 'a', filter: { ids: [1, 2], at }, none: undefined },
    });
    await stage.settle();

    rerender({ variables: { filter: { at: new Date(0), ids: [1, 2] }, room: 'a' } });
    await stage.settle();

    expect(stage.asked('Ticks')).toEqual([true]);
  });

  it('is another one for other variables, of which nothing old is shown', async () => {
    const stage = reactStage({
      Ticks: ({ variables }) => (variables?.['room'] === 'a' ? [tick(1)] : []),
    });
    const { rerender, result } = listen(stage, { variables: { room: 'a' } });
    await stage.settle();
    expect(result.current.data).toEqual({ tick: 1 });

    rerender({ variables: { room: 'b' } });
    expect(result.current).toMatchObject({ data: undefined });
    await stage.settle();

    expect(result.current).toMatchObject({ data: undefined, status: 'live' });
    expect(
      stage.server.operations.map(({ request, isOpen }) => [request.variables, isOpen]),
    ).toEqual([
      [{ room: 'a' }, false],
      [{ room: 'b' }, true],
    ]);
  });

  it('does not run while it is paused, and goes on with what it had', async () => {
    const stage = reactStage({ Ticks: [] });
    const { rerender, result } = listen(stage, { pause: true });
    await stage.settle();
    expect(result.current.status).toBe('idle');
    expect(stage.server.connections).toEqual([]);

    rerender({ pause: false });
    await stage.settle();
    stage.server.push('Ticks', tick(1));
    await stage.settle();
    rerender({ pause: true });
    act(() => result.current.restart());
    await stage.settle();
    expect(result.current).toMatchObject({ status: 'idle', data: { tick: 1 } });
    expect(stage.asked('Ticks')).toEqual([false]);
    rerender({ pause: false });
    await stage.settle();

    expect(result.current).toMatchObject({ status: 'live', data: { tick: 1 } });
    expect(stage.asked('Ticks')).toEqual([false, true]);
  });

  it('ends while an `Activity` is hidden', async () => {
    const stage = reactStage({ Ticks: [tick(1)] });
    let mode: 'visible' | 'hidden' = 'visible';
    const { result, rerender } = renderHook(() => useSubscription({ query }), {
      wrapper: ({ children }: { readonly children: ReactNode }) =>
        stage.wrapper({ children: createElement(Activity, { mode, children }) }),
    });
    await stage.settle();
    expect(result.current.status).toBe('live');

    mode = 'hidden';
    rerender();
    await stage.settle();
    expect(stage.asked('Ticks')).toEqual([false]);
    mode = 'visible';
    rerender();
    await stage.settle();

    expect(result.current).toMatchObject({ status: 'live', data: { tick: 1 } });
    expect(stage.asked('Ticks')).toEqual([false, true]);
  });

  it('does not begin for a rendering that is thrown away', async () => {
    const stage = reactStage({ Ticks: [] });
    const never = new Promise<never>(() => {});
    renderHook(
      () => {
        useSubscription({ query });
        // eslint-disable-next-line typescript/only-throw-error -- how a component suspends
        throw never;
      },
      {
        wrapper: ({ children }: { readonly children: ReactNode }) =>
          stage.wrapper({ children: createElement(Suspense, { fallback: 'waits' }, children) }),
      },
    );

    await stage.settle();

    expect(stage.server.connections).toEqual([]);
  });

  it('goes on with the variables on the screen while others are only being rendered', async () => {
    const stage = reactStage({ Ticks: [] });
    const never = new Promise<never>(() => {});
    const { rerender } = renderHook(
      ({ room }: { readonly room: string }) => {
        useSubscription({ query, variables: { room } });
        // eslint-disable-next-line typescript/only-throw-error -- how a component suspends
        if (room === 'b') throw never;
      },
      {
        initialProps: { room: 'a' },
        wrapper: ({ children }: { readonly children: ReactNode }) =>
          stage.wrapper({ children: createElement(Suspense, { fallback: 'waits' }, children) }),
      },
    );
    await stage.settle();

    act(() => startTransition(() => rerender({ room: 'b' })));
    await stage.settle();

    expect(stage.server.operations.map(({ request }) => request.variables)).toEqual([
      { room: 'a' },
    ]);
  });
});

describe('the client of the hooks', () => {
  it('is a usage error to lack', () => {
    vi.spyOn(console, 'error').mockImplementation(() => {});

    expect(() => renderHook(() => useClient())).toThrow(UsageError);
    expect(() => renderHook(() => useSubscription({ query }))).toThrow('ClientProvider');
    vi.restoreAllMocks();
  });

  it('may be an option, and is that of the provider elsewhere', async () => {
    const [provided, own] = [reactStage({ Ticks: [] }), reactStage({ Ticks: [] })];
    const { result } = renderHook(() => useClient(), { wrapper: provided.wrapper });
    listen(provided, { client: own.client });

    await own.settle();

    expect(result.current).toBe(provided.client);
    expect(provided.server.operations).toEqual([]);
    expect(own.asked('Ticks')).toEqual([true]);
  });

  it('may be a connection that somebody holds', async () => {
    const stage = reactStage({ Ticks: [tick(1)] });
    const connecting = stage.client.connect();
    await stage.settle();
    const { result } = listen(stage, { client: await connecting });

    await stage.settle();

    expect(result.current.data).toEqual({ tick: 1 } satisfies OperationResult<Tick>['data']);
    expect(stage.server.connections).toHaveLength(1);
  });
});
