import { Broadcaster } from 'millrace/broker';
import type { Source, SourceReader } from 'millrace/broker';
import { describe, expect, it, vi } from 'vitest';

async function readAll(reader: SourceReader<unknown>): Promise<unknown[]> {
  const events: unknown[] = [];
  for (let item = await reader.read(); item !== undefined; item = await reader.read()) {
    events.push(item.kind === 'event' ? item.event : item.error);
  }
  return events;
}

async function openAll<Event>(
  source: () => Source<Event>,
  count: number,
): Promise<SourceReader<Event>[]> {
  return Promise.all(Array.from({ length: count }, () => source().open()));
}

describe('Broadcaster', () => {
  it('gives every reader every event, in order, then the end', async () => {
    const broadcaster = new Broadcaster<number>();
    const readers = await openAll(() => broadcaster.source(), 3);

    broadcaster.publish(1);
    broadcaster.publish(2);
    broadcaster.complete();

    expect(await Promise.all(readers.map(readAll))).toEqual([
      [1, 2],
      [1, 2],
      [1, 2],
    ]);
  });

  it('gives events without positions: nobody can resume from it', async () => {
    const broadcaster = new Broadcaster<string>();
    const reader = await broadcaster.source().open();

    broadcaster.publish('event');

    expect(await reader.read()).toEqual({ kind: 'event', event: 'event' });
  });

  it('misses nothing between making a source and opening it', async () => {
    const broadcaster = new Broadcaster<number>();
    broadcaster.publish(0);
    const source = broadcaster.source();
    broadcaster.publish(1);

    const reader = await source.open();
    broadcaster.complete();

    expect(await readAll(reader)).toEqual([1]);
  });

  it('fails every reader with the error that it was given, once, after what was published', async () => {
    const broadcaster = new Broadcaster<number>();
    const [first, second] = await openAll(() => broadcaster.source(), 2);
    broadcaster.publish(1);

    broadcaster.fail('no Error');

    for (const reader of [first, second]) {
      expect(await reader?.read()).toMatchObject({ event: 1 });
      await expect(reader?.read()).rejects.toBe('no Error');
      expect(await reader?.read()).toBeUndefined();
    }
  });

  it('ends at once for who subscribes after completion', async () => {
    const broadcaster = new Broadcaster<number>();
    broadcaster.publish(1);
    broadcaster.complete();

    const reader = await broadcaster.source().open();

    expect(await readAll(reader)).toEqual([]);
    expect(broadcaster.subscriberCount).toBe(0);
  });

  it('fails at once for who subscribes after a failure', async () => {
    const broadcaster = new Broadcaster<number>();
    const failure = new Error('broken');
    broadcaster.fail(failure);

    const reader = await broadcaster.source().open();

    await expect(reader.read()).rejects.toBe(failure);
    expect(broadcaster.subscriberCount).toBe(0);
  });

  it('takes nothing after its end, and keeps its first end', async () => {
    const broadcaster = new Broadcaster<number>();
    const reader = await broadcaster.source().open();

    broadcaster.complete();
    broadcaster.publish(1);
    broadcaster.fail(new Error('late'));

    expect(await readAll(reader)).toEqual([]);
  });

  it('filters for one subscriber', async () => {
    const broadcaster = new Broadcaster<number>();
    const even = await broadcaster.source((n) => n % 2 === 0).open();
    const all = await broadcaster.source().open();

    for (const n of [1, 2, 3]) broadcaster.publish(n);
    broadcaster.complete();

    expect(await readAll(even)).toEqual([2]);
    expect(await readAll(all)).toEqual([1, 2, 3]);
  });

  it('is not disturbed by a filter that throws, nor is anybody else', async () => {
    const broadcaster = new Broadcaster<number>();
    const failure = new Error('filter');
    const broken = await broadcaster
      .source((n) => {
        if (n === 1) throw failure;
        return true;
      })
      .open();
    const whole = await broadcaster.source().open();

    broadcaster.publish(1);
    broadcaster.publish(2);
    broadcaster.complete();

    expect(await readAll(broken)).toEqual([failure, 2]);
    expect(await readAll(whole)).toEqual([1, 2]);
  });

  it('fails a reader that falls behind, and no other', async () => {
    const broadcaster = new Broadcaster<number>({ events: 2 });
    const slow = await broadcaster.source().open();
    const quick = await broadcaster.source().open();
    for (const n of [1, 2, 3, 4]) {
      broadcaster.publish(n);
      expect(await quick.read()).toMatchObject({ event: n });
    }

    await expect(slow.read()).rejects.toMatchObject({ code: 'EVENTS_LOST' });
    expect(broadcaster.subscriberCount).toBe(1);
    await quick.close();
  });

  it('lets go of old events by the clock that it is given', async () => {
    let now = 0;
    const broadcaster = new Broadcaster<number>({ ageMs: 1_000, now: () => now });
    const source = broadcaster.source();
    broadcaster.publish(1);

    now = 1_001;
    broadcaster.publish(2);
    const reader = await source.open();

    await expect(reader.read()).rejects.toMatchObject({ code: 'EVENTS_LOST' });
  });

  describe('subscribers', () => {
    it('are readers that are open, not sources', async () => {
      const broadcaster = new Broadcaster<number>();
      const source = broadcaster.source();
      expect(broadcaster.subscriberCount).toBe(0);

      const reader = await source.open();
      expect(broadcaster.subscriberCount).toBe(1);
      await reader.close();
      await reader.close();

      expect(broadcaster.subscriberCount).toBe(0);
    });

    it('are announced when they go, with the number of those that are left', async () => {
      const broadcaster = new Broadcaster<number>();
      const listener = vi.fn<(count: number) => void>();
      broadcaster.onUnsubscribe(listener);
      const [first, second, third] = await openAll(() => broadcaster.source(), 3);

      await first?.close();
      await second?.close();
      broadcaster.complete();
      await third?.read();

      expect(listener.mock.calls).toEqual([[2], [1], [0]]);
    });

    it('can leave from inside a callback of another that leaves', async () => {
      const broadcaster = new Broadcaster<number>();
      const [first, second, third] = await openAll(() => broadcaster.source(), 3);
      const counts: number[] = [];
      broadcaster.onUnsubscribe((count) => {
        counts.push(count);
        void second?.close();
      });

      await first?.close();
      broadcaster.publish(1);

      expect(counts).toEqual([2, 1]);
      expect(await third?.read()).toMatchObject({ event: 1 });
      expect(await second?.read()).toBeUndefined();
    });

    it('are announced to each listener although another throws', async () => {
      const onListenerError = vi.fn<(error: unknown) => void>();
      const broadcaster = new Broadcaster<number>({ onListenerError });
      const failure = new Error('listener');
      const listener = vi.fn<(count: number) => void>();
      broadcaster.onUnsubscribe(() => {
        throw failure;
      });
      broadcaster.onUnsubscribe(listener);
      const reader = await broadcaster.source().open();

      await expect(reader.close()).resolves.toBeUndefined();

      expect(listener).toHaveBeenCalledTimes(1);
      expect(onListenerError).toHaveBeenCalledWith(failure);
    });

    it('are not announced to a listener that was removed, also by another in the same round', async () => {
      const broadcaster = new Broadcaster<number>();
      const removed = vi.fn<() => void>();
      const added = vi.fn<() => void>();
      broadcaster.onUnsubscribe(() => {
        remove();
        broadcaster.onUnsubscribe(added);
      });
      const remove = broadcaster.onUnsubscribe(removed);
      const reader = await broadcaster.source().open();

      await reader.close();

      expect(removed).not.toHaveBeenCalled();
      expect(added).not.toHaveBeenCalled();
    });

    it('are announced twice to a function that was added twice, once after it was removed once', async () => {
      const broadcaster = new Broadcaster<number>();
      const listener = vi.fn<() => void>();
      const [remove] = [broadcaster.onUnsubscribe(listener), broadcaster.onUnsubscribe(listener)];
      const [first, second] = await openAll(() => broadcaster.source(), 2);

      await first?.close();
      expect(listener).toHaveBeenCalledTimes(2);
      remove?.();
      await second?.close();

      expect(listener).toHaveBeenCalledTimes(3);
    });
  });
});
