import { createClient } from 'millrace/client';
import { auto } from 'millrace/client/auto';
import type { AutoOptions } from 'millrace/client/auto';
import type { ClientOptions } from 'millrace/client';
import { sse } from 'millrace/client/sse';
import { describe, expect, it } from 'vitest';

import { TransportError } from '../../src/client/transport-error.ts';
import { QuickClock } from '../support/client-clock.ts';
import { ScriptedFetch } from '../support/scripted-fetch.ts';
import { ScriptedTransport, unreachable } from '../support/scripted-transport.ts';

const query = 'subscription { a }';

interface SceneOptions extends AutoOptions {
  readonly kinds?: readonly ('shared' | 'single')[];
  readonly client?: Partial<ClientOptions>;
}

/** A client with a choice of transports, and its clock. */
function createScene({
  kinds = ['shared', 'single', 'single'],
  client,
  ...options
}: SceneOptions = {}) {
  const clock = new QuickClock();
  const transports = kinds.map((kind) => new ScriptedTransport(kind));
  const choice = auto(transports, { now: () => clock.now(), ...options });
  const pauses: (number | undefined)[] = [];
  return {
    clock,
    choice,
    pauses,
    transports,
    /** How often each was tried. */
    tries: () => transports.map(({ connections }) => connections.length),
    client: createClient({
      url: 'http://server.test/graphql',
      transport: choice,
      clock,
      random: () => 0.5,
      signals: () => () => {},
      onDisconnected: (_, retryInMs) => pauses.push(retryInMs),
      ...client,
    }),
  };
}

type Scene = ReturnType<typeof createScene>;

function subscribe({ client }: Scene) {
  const handle = client.subscribe({ query });
  const ends: unknown[] = [];
  handle.subscribe({ error: (error) => ends.push(error), complete: () => ends.push('complete') });
  return { handle, ends };
}

/** Has the newest connection of the transport fail, and lets what follows from that happen. */
async function fail({ transports, clock }: Scene, index: number, failure?: TransportError) {
  transports[index]?.last.fail(failure);
  await clock.advance(0);
}

function throwFull(): never {
  throw new Error('storage is full');
}

describe('the transport that is used', () => {
  it('is the first one, where that works', async () => {
    const scene = createScene();
    subscribe(scene);
    subscribe(scene);
    scene.transports[0]?.last.serve();
    await scene.clock.advance(60_000);

    expect(scene.tries()).toEqual([1, 0, 0]);
    expect(scene.transports[0]?.last.started.size).toBe(2);
  });

  it('is the next one at once where a connection ends that carried nothing', async () => {
    const scene = createScene();
    const { handle } = subscribe(scene);
    await fail(scene, 0);
    await fail(scene, 1);

    expect(scene.tries()).toEqual([1, 1, 1]);
    expect(scene.pauses).toEqual([0, 0]);
    scene.transports[2]?.last.serve();
    expect(handle.status.current).toBe('live');
  });

  it('is the same for as long as its connections carry something before they are lost', async () => {
    const scene = createScene();
    subscribe(scene);
    for (let turn = 0; turn < 3; turn += 1) {
      scene.transports[0]?.last.serve();
      await fail(scene, 0);
      await scene.clock.advance(10_000);
    }

    expect(scene.tries()).toEqual([4, 0, 0]);
  });

  it.each(['shared', 'single'] as const)(
    'is the first one again after a pause that grows, where all have failed, the last one %s',
    async (kind) => {
      const scene = createScene({ kinds: ['shared', kind] });
      subscribe(scene);
      for (let turn = 0; turn < 3; turn += 1) {
        await fail(scene, 0);
        await fail(scene, 1);
        await scene.clock.advance(scene.pauses.at(-1) ?? 0);
      }

      expect(scene.tries()).toEqual([4, 3]);
      expect(scene.pauses).toEqual([0, 500, 0, 1_000, 0, 2_000]);
    },
  );

  it('is none after as many rounds as there shall be attempts', async () => {
    const scene = createScene({ kinds: ['shared', 'shared'], client: { retry: { attempts: 1 } } });
    const { ends } = subscribe(scene);
    for (let turn = 0; turn < 2; turn += 1) {
      await fail(scene, 0);
      await fail(scene, 1);
      await scene.clock.advance(1_000);
    }

    expect(ends).toEqual([unreachable]);
    expect(scene.tries()).toEqual([2, 2]);
  });

  it.each([
    ['its close code', new TransportError('CONNECTION_REFUSED', '', false, { closeCode: 4403 })],
    [
      'a function of the application',
      new TransportError('CLIENT_ERROR', '', false, { cause: undefined }),
    ],
    ['asking for time', new TransportError('CONNECTION_LOST', '', true, { retryAfterMs: 5_000 })],
  ])('stays the same where a server, or whoever asks, refuses by %s', async (_, failure) => {
    const scene = createScene();
    const { ends } = subscribe(scene);
    await fail(scene, 0, failure);
    await scene.clock.advance(10_000);

    expect(scene.tries().slice(1)).toEqual([0, 0]);
    expect(ends).toEqual(failure.retryable ? [] : [failure]);
  });

  it.each([400, 401, 422, 429])(
    'stays the same where the status %i refuses one operation of several',
    async (status) => {
      const scene = createScene({ kinds: ['single', 'single'] });
      subscribe(scene);
      scene.transports[0]?.last.serve();
      const { ends } = subscribe(scene);
      const refused = new TransportError('CONNECTION_REFUSED', '', false, { status });
      await fail(scene, 0, refused);

      expect(ends).toEqual([refused]);
      expect(scene.tries()).toEqual([2, 0]);
    },
  );

  it('is never again one that cannot work in this runtime, whatever becomes of the others', async () => {
    const scene = createScene();
    const { ends } = subscribe(scene);
    const inVain = new TransportError('CLIENT_ERROR', 'nothing streams here', false);
    await fail(scene, 0);
    await fail(scene, 1, inVain);
    await fail(scene, 2, inVain);
    for (let turn = 0; turn < 3; turn += 1) {
      await fail(scene, 0);
      await scene.clock.advance(60_000);
    }

    expect(ends).toEqual([]);
    expect(scene.tries()).toEqual([5, 1, 1]);
    expect(scene.pauses.slice(0, 4)).toEqual([0, 0, 0, 500]);
  });

  it('is none over a `fetch` that streams nothing', async () => {
    const clock = new QuickClock();
    const script = new ScriptedFetch({ hasNoStreams: true });
    const second = new ScriptedTransport('shared');
    const transport = auto([sse({ fetch: script.fetch }), second]);
    const client = createClient({ url: 'http://server.test/', transport, clock });
    client.subscribe({ query }).subscribe({});
    await clock.settle();
    script.last.respond({ type: 'text/event-stream' });
    await clock.advance(0);

    expect(second.last.started.size).toBe(1);
    client.close();
  });

  it('is none where none can work in this runtime', async () => {
    const scene = createScene({ kinds: ['single', 'single'] });
    const all = [subscribe(scene), subscribe(scene)];
    const inVain = new TransportError('CLIENT_ERROR', 'nothing streams here', false);
    for (const transport of scene.transports) {
      for (const connection of transport.connections) connection.fail(inVain);
      await scene.clock.advance(0);
    }

    expect(all.map(({ ends }) => ends)).toEqual([[inVain], [inVain]]);
    expect(scene.tries()).toEqual([2, 2]);
    expect(scene.clock.timerCount).toBe(0);
  });

  it('ends what it carries with the failure of the last one, where that is final', async () => {
    const scene = createScene({ kinds: ['shared', 'single'] });
    const { ends } = subscribe(scene);
    await fail(scene, 0);
    const refused = new TransportError('CONNECTION_REFUSED', '', false, { status: 401 });
    await fail(scene, 1, refused);
    await scene.clock.advance(100_000);

    expect(ends).toEqual([refused]);
    expect(scene.tries()).toEqual([1, 1]);
    expect(scene.clock.timerCount).toBe(0);
  });

  it('has to be one at least', () => {
    expect(() => auto([])).toThrow('at least one transport');
  });
});

describe('operations that move', () => {
  it('get a connection each where the next transport shares none', async () => {
    const scene = createScene();
    subscribe(scene);
    subscribe(scene);
    await fail(scene, 0);

    expect(scene.transports[1]?.connections.map(({ started }) => started.size)).toEqual([1, 1]);
  });

  it('share one where the next transport does', async () => {
    const scene = createScene({ kinds: ['single', 'shared'] });
    subscribe(scene);
    subscribe(scene);
    scene.transports[0]?.connections[0]?.fail();
    scene.transports[0]?.connections[1]?.fail();
    await scene.clock.advance(0);

    expect(scene.transports[1]?.connections.map(({ started }) => started.size)).toEqual([2]);
  });

  it('follow the first of them without trying what failed for it, and wait where all have failed', async () => {
    const scene = createScene({ kinds: ['single', 'single'] });
    for (let i = 0; i < 3; i += 1) subscribe(scene);
    for (const transport of scene.transports) {
      for (const connection of transport.connections) connection.fail();
      await scene.clock.advance(0);
    }

    expect(scene.tries()).toEqual([3, 3]);
    expect(scene.pauses).toEqual([0, 0, 0, 500, 500, 500]);
  });

  it('are queries and mutations, too, as long as nothing of them was sent', async () => {
    const scene = createScene();
    const answer = scene.client.mutate({ query: 'mutation { a }' });
    await scene.clock.advance(0);
    await fail(scene, 0);
    scene.transports[1]?.last.serve();
    scene.transports[1]?.last.answer();

    expect(await answer).toEqual({ data: {} });
  });

  it('are no queries and mutations of which a request was made', async () => {
    const scene = createScene({ kinds: ['single', 'single'] });
    const answer = scene.client.mutate({ query: 'mutation { a }' });
    await scene.clock.advance(0);
    scene.transports[0]?.last.fail();

    await expect(answer).rejects.toMatchObject({ code: 'CONNECTION_LOST' });
    expect(scene.tries()).toEqual([1, 0]);
  });

  it('may be cancelled meanwhile', async () => {
    const scene = createScene();
    const { handle } = subscribe(scene);
    scene.transports[0]?.last.fail();
    handle.return();
    await scene.clock.advance(10_000);

    expect(scene.tries()).toEqual([1, 0, 0]);
    expect(scene.clock.timerCount).toBe(0);
  });
});

describe('what worked', () => {
  it('is tried first from then on', async () => {
    const scene = createScene();
    const { handle } = subscribe(scene);
    await fail(scene, 0);
    scene.transports[1]?.last.serve();
    handle.return();
    subscribe(scene);
    await scene.clock.advance(0);

    expect(scene.tries()).toEqual([1, 2, 0]);
  });

  it('is tried first after everything failed, too', async () => {
    const scene = createScene({ kinds: ['shared', 'single'] });
    subscribe(scene);
    await fail(scene, 0);
    scene.transports[1]?.last.serve();
    await fail(scene, 1);
    await scene.clock.advance(500);
    await fail(scene, 1);
    await fail(scene, 0);
    await scene.clock.advance(2_000);

    expect(scene.tries()).toEqual([2, 3]);
  });

  it('is forgotten after a time', async () => {
    const scene = createScene({ forgetAfterMs: 60_000 });
    const { handle } = subscribe(scene);
    await fail(scene, 0);
    scene.transports[1]?.last.serve();
    handle.return();
    await scene.clock.advance(60_000);
    subscribe(scene);

    expect(scene.tries()).toEqual([2, 1, 0]);
  });

  it('is kept in a store for the next program', async () => {
    let kept: string | null = null;
    const store = { get: () => kept, set: (choice: string) => void (kept = choice) };
    const before = createScene({ store });
    subscribe(before);
    await fail(before, 0);
    before.transports[1]?.last.serve();
    const after = createScene({ store });
    subscribe(after);

    expect(after.tries()).toEqual([0, 1, 0]);
  });

  it.each([
    ['nonsense', () => 'nonsense'],
    ['a transport that is no more', () => '7 0'],
    ['no time beside it', () => '1 nonsense'],
    ['a time that has not come', () => '1 1000'],
    ['nothing', () => null],
    [
      'an exception',
      () => {
        throw new Error('storage is forbidden here');
      },
    ],
  ])('is unknown where a store has %s', (_, get) => {
    const scene = createScene({ store: { get, set: throwFull } });
    subscribe(scene);
    scene.transports[0]?.last.serve();

    expect(scene.tries()).toEqual([1, 0, 0]);
  });
});

describe('a connection that is held', () => {
  it('is one of the next transport that can be held', async () => {
    const scene = createScene({ kinds: ['shared', 'shared'] });
    const held = scene.client.connect();
    await scene.clock.advance(0);
    await fail(scene, 0);
    scene.transports[1]?.last.serve();
    (await held).subscribe({ query }).subscribe({});

    expect(scene.transports[1]?.last.started.size).toBe(1);
  });

  it('cannot be had where the transport that works shares none', async () => {
    const scene = createScene();
    const outcome = scene.client.connect().catch((error: unknown) => error);
    await scene.clock.advance(0);
    await fail(scene, 0);

    expect(await outcome).toMatchObject({ name: 'UsageError' });
  });
});
