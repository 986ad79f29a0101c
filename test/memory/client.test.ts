import { getEventListeners } from 'node:events';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import type { Client } from 'millrace/client';
import { describe, expect, it } from 'vitest';

import { createStage } from '../support/client-peer.ts';
import type { Stage } from '../support/client-peer.ts';
import type { Link } from '../support/client-network.ts';

const cycles = 1_000;
/** More than the caches of the runtime grow by; an operation that is not let go holds more. */
const heldBytes = 1_000;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void; // what the flag exposes

const query = 'subscription { a }';

/** How an operation may be left. */
const ways = ['return', 'abort', 'iterator', 'server ends', 'dispose', 'unsubscribe'] as const;

async function comeAndGo(
  { client, clock, network }: Stage,
  controller: AbortController,
  way: (typeof ways)[number],
): Promise<WeakRef<object>> {
  const own = new AbortController();
  const handle = client.subscribe({
    query,
    signal: way === 'abort' ? own.signal : controller.signal,
  });
  const status = handle.status[Symbol.asyncIterator]();
  void status.next();
  void handle.ready.catch(() => {});
  const iterator = way === 'iterator' ? handle[Symbol.asyncIterator]() : undefined;
  const subscription = iterator ? undefined : handle.subscribe({});
  void iterator?.next();
  await clock.advance(0);
  const [id] = idsOf(network.link).slice(-1);
  network.link.push({ id, type: 'next', payload: { data: 1 } });
  await clock.advance(0);
  const leave = {
    return: () => handle.return(),
    abort: () => own.abort(),
    iterator: () => void iterator?.return?.(),
    'server ends': () => network.link.push({ id, type: 'complete' }),
    dispose: () => void handle[Symbol.asyncDispose](),
    unsubscribe: () => subscription?.unsubscribe(),
  };
  leave[way]();
  await clock.advance(0);
  expect(handle.status.current).toBe('ended');
  return new WeakRef(handle);
}

function idsOf(link: Link): readonly (string | undefined)[] {
  return link.sent.map((frame) => (JSON.parse(frame) as { readonly id?: string }).id);
}

/** Forgets what the network in memory keeps for tests to look at. */
function forgetTraffic({ heard, network }: Pick<Stage, 'heard' | 'network'>): void {
  heard.length = 0;
  for (const link of network.links) {
    link.sent.length = 0;
    link.read.length = 0;
  }
}

function heapBytes(): number {
  collectGarbage();
  return process.memoryUsage().heapUsed;
}

describe('operations that come and go', () => {
  it('leave nothing on a connection that stays, nor on a signal that is shared', async () => {
    const stage = createStage();
    const controller = new AbortController();
    stage.client.subscribe({ query, signal: controller.signal }).subscribe({});
    const run = async (count: number): Promise<readonly WeakRef<object>[]> => {
      const handles: WeakRef<object>[] = [];
      for (let cycle = 0; cycle < count; cycle += 1) {
        handles.push(await comeAndGo(stage, controller, ways[cycle % ways.length] ?? 'return'));
        forgetTraffic(stage);
      }
      return handles;
    };
    await run(200); // what is made once is there then
    const before = heapBytes();

    const handles = await run(cycles);
    await run(ways.length); // the last ones may still stand in a frame of the engine
    const grownBytes = heapBytes() - before;

    expect(handles.filter((handle) => handle.deref())).toEqual([]);
    expect(grownBytes / cycles).toBeLessThan(heldBytes);
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(1);
    expect(stage.network.links).toHaveLength(1);
    // the silence of the server is watched
    expect(stage.clock.timerCount).toBe(1);
    stage.client.close();
    expect(getEventListeners(controller.signal, 'abort')).toEqual([]);
    await stage.clock.advance(0);
    expect(stage.clock.timerCount).toBe(0);
  }, 60_000);
});

describe('connections that come and go', () => {
  it('leave nothing with a client that stays', async () => {
    const stage = createStage({ client: { idleTimeoutMs: 0 } });
    const links: WeakRef<Link>[] = [];
    for (let cycle = 0; cycle < cycles; cycle += 1) {
      const handle = stage.client.subscribe({ query });
      handle.subscribe({});
      await stage.clock.advance(0);
      links.push(new WeakRef(stage.network.link));
      if (cycle % 2 === 0) stage.network.link.cut();
      await stage.clock.advance(cycle % 3 === 0 ? 501 : 0);
      handle.return();
      await stage.clock.advance(0);
      forgetTraffic(stage);
      stage.network.links.length = 0;
    }
    collectGarbage();

    expect(links.filter((link) => link.deref())).toEqual([]);
    expect(stage.clock.timerCount).toBe(0);
    expect(stage.watchers()).toBe(0);
  }, 60_000);

  it('that are held leave nothing when they are closed, lost, refused or aborted', async () => {
    const stage = createStage({ client: { retry: false } });
    const controller = new AbortController();
    const held: WeakRef<object>[] = [];
    for (let cycle = 0; cycle < cycles; cycle += 1) {
      const own = new AbortController();
      const turn = cycle % 4;
      stage.network.dial = turn === 3 ? 'refuse' : 'open';
      const signal = turn === 2 ? own.signal : controller.signal;
      const connecting = Promise.allSettled([stage.client.connect({ signal })]);
      if (turn === 2) own.abort();
      await stage.clock.advance(0);
      const [outcome] = await connecting;
      if (outcome.status === 'fulfilled') {
        held.push(new WeakRef(outcome.value));
        if (turn === 1) stage.network.link.hangUp(4401);
        await stage.clock.advance(0);
        if (turn === 0) outcome.value.close();
        else await outcome.value[Symbol.asyncDispose]();
        await stage.clock.advance(0);
      }
      forgetTraffic(stage);
      stage.network.links.length = 0;
    }
    // a collection may come too early for what the engine itself still looks at: only what stays is held
    for (let tries = 0; tries < 10 && held.some((connection) => connection.deref()); tries += 1) {
      await stage.clock.turn();
      collectGarbage();
    }

    expect(held).toHaveLength(cycles / 2);
    expect(held.filter((connection) => connection.deref())).toEqual([]);
    expect(getEventListeners(controller.signal, 'abort')).toEqual([]);
    expect(stage.clock.timerCount).toBe(0);
    expect(stage.watchers()).toBe(0);
  }, 60_000);
});

describe('a client that is closed', () => {
  /** In each state that a connection can be in. */
  it.each([
    ['before it is used', async () => {}],
    [
      'while it connects',
      async ({ client }) => {
        client.subscribe({ query }).subscribe({});
      },
    ],
    [
      'while a host does not answer',
      async ({ client, network, clock }) => {
        network.dial = 'hang';
        client.subscribe({ query }).subscribe({});
        await clock.advance(5_000);
      },
    ],
    [
      'while it waits for the next attempt',
      async ({ client, network, clock }) => {
        network.dial = 'refuse';
        client.subscribe({ query }).subscribe({});
        await clock.advance(100);
      },
    ],
    [
      'while operations run',
      async ({ client, clock }) => {
        client.subscribe({ query }).subscribe({});
        void client.subscribe({ query })[Symbol.asyncIterator]().next();
        client.query({ query: '{ a }' }).catch(() => {});
        await clock.advance(100);
      },
    ],
    [
      'while its connection is idle',
      async ({ client, clock }) => {
        const handle = client.subscribe({ query });
        handle.subscribe({});
        await clock.advance(100);
        handle.return();
      },
    ],
    [
      'while it holds a connection',
      async ({ client, clock }) => {
        void client.connect();
        await clock.advance(100);
      },
    ],
    [
      'while the server is asked whether it lives',
      async ({ client, network, clock }) => {
        client.subscribe({ query }).subscribe({});
        await clock.advance(100);
        network.link.stall();
        await clock.advance(40_000);
      },
    ],
  ] satisfies [string, (stage: Stage) => Promise<void>][])(
    '%s leaves no timer and no listener, and can be collected',
    async (_when, prepare) => {
      const { client, stage } = await prepareStage(prepare);
      await client.deref()?.[Symbol.asyncDispose]();
      await stage.clock.advance(1_000);
      expect(stage.clock.timerCount).toBe(0);
      expect(stage.watchers()).toBe(0);
      expect(stage.network.inUse).toEqual([]);
      forgetTraffic(stage);
      stage.network.links.length = 0;

      await stage.clock.settle();
      collectGarbage();
      expect(client.deref()).toBeUndefined();
    },
  );
});

/** The client only weakly, the rest as it is. */
async function prepareStage(prepare: (stage: Stage) => Promise<void>) {
  const stage = createStage();
  await prepare(stage);
  const { client, ...rest } = stage;
  return { client: new WeakRef<Client>(client), stage: rest };
}
