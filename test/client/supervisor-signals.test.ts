import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { systemSignals } from '../../src/client/signals.ts';

/** A page, as far as signals look at it: its listeners, by type. */
class FakePage {
  readonly listeners = new Map<string, Set<() => void>>();
  hidden = false;

  addEventListener(type: string, listener: () => void): void {
    this.listeners.set(type, (this.listeners.get(type) ?? new Set()).add(listener));
  }

  removeEventListener(type: string, listener: () => void): void {
    this.listeners.get(type)?.delete(listener);
  }

  dispatch(type: string): void {
    for (const listener of this.listeners.get(type) ?? []) listener();
  }

  get count(): number {
    return [...this.listeners.values()].reduce((sum, { size }) => sum + size, 0);
  }
}

describe('the signals of the system', () => {
  let page: FakePage;
  let document: FakePage;

  beforeEach(() => {
    page = new FakePage();
    document = new FakePage();
    vi.stubGlobal('addEventListener', page.addEventListener.bind(page));
    vi.stubGlobal('removeEventListener', page.removeEventListener.bind(page));
    vi.stubGlobal('document', document);
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'Date'] });
  });

  afterEach(() => {
    vi.unstubAllGlobals();
    vi.useRealTimers();
  });

  it('are the network that is back, and a page that is looked at', () => {
    const wake = vi.fn<() => void>();
    const stop = systemSignals(wake);
    page.dispatch('online');
    expect(wake).toHaveBeenCalledTimes(1);
    document.dispatch('visibilitychange');
    expect(wake).toHaveBeenCalledTimes(2);

    document.hidden = true;
    document.dispatch('visibilitychange');
    expect(wake).toHaveBeenCalledTimes(2);
    stop();
  });

  it('are a clock that jumps, because the machine slept', () => {
    const wake = vi.fn<() => void>();
    const stop = systemSignals(wake);
    vi.advanceTimersByTime(60_000);
    expect(wake).not.toHaveBeenCalled();

    vi.setSystemTime(Date.now() + 60_000);
    vi.advanceTimersByTime(5_000);
    expect(wake).toHaveBeenCalledTimes(1);
    vi.advanceTimersByTime(60_000);
    expect(wake).toHaveBeenCalledTimes(1);
    stop();
  });

  it('leave no listener and no timer when they are stopped, however many listened', () => {
    const stops = Array.from({ length: 3 }, () => systemSignals(() => {}));
    expect([page.count, document.count, vi.getTimerCount()]).toEqual([3, 3, 3]);
    for (const stop of stops) stop();

    expect([page.count, document.count, vi.getTimerCount()]).toEqual([0, 0, 0]);
  });

  it('are fewer where there is no page', () => {
    vi.stubGlobal('addEventListener', undefined);
    vi.stubGlobal('removeEventListener', undefined);
    vi.stubGlobal('document', undefined);
    const stop = systemSignals(() => {});
    expect(vi.getTimerCount()).toBe(1);
    stop();

    expect(vi.getTimerCount()).toBe(0);
  });
});
