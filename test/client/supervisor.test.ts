import type { RetryOptions, TransportError } from 'millrace/client';
import { describe, expect, it } from 'vitest';

import { createStage } from '../support/client-peer.ts';
import type { Stage, StageOptions } from '../support/client-peer.ts';

const query = 'subscription { a }';

/** A client with a subscription, and what its hook for losses was told. */
function createStory(retry: RetryOptions | false, options: StageOptions = {}) {
  const pauses: (number | undefined)[] = [];
  const failures: TransportError[] = [];
  const stage = createStage({
    ...options,
    client: {
      retry,
      onDisconnected: (failure, retryInMs) => {
        failures.push(failure);
        pauses.push(retryInMs);
      },
      ...options.client,
    },
  });
  const handle = stage.client.subscribe({ query });
  handle.subscribe({});
  return { ...stage, handle, pauses, failures };
}

async function serveAndCut({ clock, network }: Stage, uptimeMs: number): Promise<void> {
  await clock.advance(uptimeMs);
  network.link.cut();
  await clock.advance(0);
}

describe('the pauses between attempts', () => {
  it('grow up to the cap while nothing succeeds', async () => {
    const story = createStory({ minDelayMs: 1_000, maxDelayMs: 5_000 });
    story.network.dial = 'refuse';
    await story.clock.advance(14_000);

    expect(story.pauses.slice(0, 6)).toEqual([500, 1_000, 2_000, 2_500, 2_500, 2_500]);
    expect(story.network.links).toHaveLength(story.pauses.length);
  });

  it('go on growing when connections live shorter than the minimum uptime', async () => {
    const story = createStory({ minUptimeMs: 5_000 });
    for (let turn = 0; turn < 4; turn += 1) {
      await serveAndCut(story, 4_999);
      await story.clock.advance(story.pauses.at(-1) ?? 0);
    }

    expect(story.pauses).toEqual([500, 1_000, 2_000, 4_000]);
  });

  it('begin anew when a connection lived long enough', async () => {
    const story = createStory({ minUptimeMs: 5_000 });
    await serveAndCut(story, 0);
    await story.clock.advance(500);
    await serveAndCut(story, 5_001);

    expect(story.pauses).toEqual([500, 500]);
  });

  it('begin anew for those who come when everybody had gone', async () => {
    const story = createStory({});
    story.network.dial = 'refuse';
    await story.clock.advance(600);
    story.handle.return();
    story.client.subscribe({ query }).subscribe({});
    await story.clock.advance(0);

    expect(story.pauses).toEqual([500, 1_000, 500]);
  });

  it('are told to the hook, and end with the attempts', async () => {
    const story = createStory({ attempts: 2 });
    story.network.dial = 'refuse';
    await story.clock.advance(100_000);

    expect(story.pauses).toEqual([500, 1_000, undefined]);
    expect(story.handle.status.current).toBe('ended');
    expect(story.clock.timerCount).toBe(0);
    expect(story.watchers()).toBe(0);
  });

  it('are not made with `false`', async () => {
    const story = createStory(false);
    await serveAndCut(story, 100);

    expect(story.pauses).toEqual([undefined]);
    expect(story.handle.status.current).toBe('ended');
  });

  it('are up to the predicate, final codes included', async () => {
    const story = createStory({ shouldRetry: ({ closeCode }) => closeCode === 4401 });
    await story.clock.advance(1);
    story.network.link.hangUp(4401);
    await story.clock.advance(501);
    expect(story.network.inUse).toHaveLength(1);

    await serveAndCut(story, 0);
    expect(story.pauses).toEqual([500, undefined]);
    expect(story.handle.status.current).toBe('ended');
  });
});

describe('what the client does by itself', () => {
  it('is no loss: neither a reconnect, nor an idle end, nor a close', async () => {
    const story = createStory({}, { client: { idleTimeoutMs: 1_000 } });
    await story.clock.advance(1);
    story.client.reconnect();
    await story.clock.advance(1);
    story.handle.return();
    await story.clock.advance(1_000);
    story.client.subscribe({ query }).subscribe({});
    await story.clock.advance(1);
    story.client.close();
    await story.clock.advance(1);

    expect(story.network.links).toHaveLength(3);
    expect(story.failures).toEqual([]);
  });
});

describe('who waits for the next attempt', () => {
  it('are subscriptions, and whatever was started meanwhile', async () => {
    const story = createStory({});
    await serveAndCut(story, 1);
    const result = story.client.query({ query: '{ a }' });
    await story.clock.advance(499);
    expect(story.network.links).toHaveLength(1);

    await story.clock.advance(2);
    expect(story.network.link.sent.map((frame) => JSON.parse(frame).id)).toEqual([
      undefined,
      '1',
      '2',
    ]);
    story.network.link.push({ id: '2', type: 'next', payload: { data: 1 } });
    await story.clock.advance(0);
    expect(await result).toEqual({ data: 1 });
  });

  it('are not queries and mutations: they fail at once, with what happened', async () => {
    const story = createStory({});
    const results = Promise.allSettled([
      story.client.query({ query: '{ a }' }),
      story.client.mutate({ query: 'mutation { a }' }),
    ]);
    await serveAndCut(story, 1);

    expect(await results).toMatchObject([
      { status: 'rejected', reason: { code: 'CONNECTION_LOST', closeCode: 1006 } },
      { status: 'rejected', reason: { code: 'CONNECTION_LOST', closeCode: 1006 } },
    ]);
    expect(story.handle.status.current).toBe('reconnecting');
  });

  it('are queries that say so', async () => {
    const story = createStory({});
    const result = story.client.query({ query: '{ a }', retry: true });
    await serveAndCut(story, 1);
    await story.clock.advance(501);
    story.network.link.push({ id: '2', type: 'next', payload: { data: 1 } });
    await story.clock.advance(0);

    expect(await result).toEqual({ data: 1 });
  });

  it('is nobody, after a while, if nobody is left', async () => {
    const story = createStory({});
    await serveAndCut(story, 1);
    story.handle.return();
    await story.clock.advance(100_000);

    expect(story.network.links).toHaveLength(1);
    expect(story.clock.timerCount).toBe(0);
    expect(story.watchers()).toBe(0);
  });
});

describe('a signal to wake', () => {
  it('connects at once where the next attempt is waited for', async () => {
    const story = createStory({ minDelayMs: 60_000 });
    await serveAndCut(story, 1);
    story.wake();
    story.wake();
    await story.clock.advance(0);

    expect(story.network.links).toHaveLength(2);
    expect(story.handle.status.current).toBe('live');
    await story.clock.advance(60_000);
    expect(story.network.links).toHaveLength(2);
  });

  it('asks an open connection whether it lives, and nothing of one that is being opened', async () => {
    const story = createStory({});
    story.wake();
    await story.clock.advance(1);
    story.wake();
    await story.clock.advance(1);
    expect(story.network.link.sent.slice(2)).toEqual(['{"type":"ping"}']);

    await story.clock.advance(30_000);
    expect(story.handle.status.current).toBe('reconnecting');
  });

  it('is listened to while there is something to do', async () => {
    const story = createStory({}, { client: { idleTimeoutMs: 1_000 } });
    expect(story.watchers()).toBe(1);
    await serveAndCut(story, 1);
    expect(story.watchers()).toBe(1);
    await story.clock.advance(501);
    story.handle.return();
    expect(story.watchers()).toBe(1);

    await story.clock.advance(1_000);
    expect(story.watchers()).toBe(0);
  });
});

describe('a client with many operations', () => {
  it('makes one attempt at a time, for all of them', async () => {
    const story = createStory({});
    for (let count = 0; count < 50; count += 1) story.client.subscribe({ query }).subscribe({});
    await story.clock.advance(1);
    for (let turn = 0; turn < 3; turn += 1) await serveAndCut(story, 5_000);

    expect(story.network.links).toHaveLength(3);
    await story.clock.advance(10_000);
    expect(story.network.links).toHaveLength(4);
    expect(story.network.link.sent).toHaveLength(52);
  });
});
