import { createClient } from 'millrace/client';
import type { Client, OperationHandle } from 'millrace/client';
import { resumable } from 'millrace/client/resume';
import type { ResumeOptions } from 'millrace/client/resume';
import { websocket } from 'millrace/client/websocket';
import { VirtualClock, manualSignals, scriptedPeer } from 'millrace/testing';
import type { ReceivedMessage, ScriptedPeer } from 'millrace/testing';
import { describe, expect, it } from 'vitest';

const query = 'subscription { tick }';

interface Stage {
  readonly client: Client;
  readonly clock: VirtualClock;
  readonly peer: ScriptedPeer;
  readonly states: unknown[];
  /** Results, and what else a test puts among them. */
  readonly heard: unknown[];
  readonly handle: OperationHandle<unknown>;
  /** Accepts the next attempt; gives the message that starts the operation. */
  readonly attempt: () => Promise<ReceivedMessage>;
  /** The connection is lost and the next attempt accepted. */
  readonly reconnect: () => Promise<ReceivedMessage>;
  /** Sends results to the operation. */
  readonly deliver: (...results: readonly object[]) => Promise<void>;
}

function stage(options?: ResumeOptions, request: { readonly extensions?: object } = {}): Stage {
  const clock = new VirtualClock();
  const peer = scriptedPeer({ clock });
  const client = createClient({
    url: 'ws://peer.test/graphql',
    transport: websocket({ WebSocket: peer.WebSocket }),
    resume: resumable(options),
    clock,
    random: () => 0.5,
    signals: manualSignals().signals,
  });
  const heard: unknown[] = [];
  const states: unknown[] = [];
  const handle = client.subscribe({ query, ...(request as object) });
  let id: string | undefined;
  const attempt = async (): Promise<ReceivedMessage> => {
    await peer.acknowledge();
    const message = await peer.expect({ type: 'subscribe' });
    ({ id } = message);
    await clock.settle();
    return message;
  };
  void note(handle.status, states);
  handle.subscribe((result) => heard.push(result));
  return {
    client,
    clock,
    peer,
    heard,
    states,
    handle,
    attempt,
    async reconnect() {
      peer.drop();
      await clock.advance(1_000);
      return attempt();
    },
    async deliver(...results) {
      peer.send(...results.map((payload) => ({ id, type: 'next', payload })));
      await clock.settle();
    },
  };
}

async function note(status: AsyncIterable<unknown>, states: unknown[]): Promise<void> {
  for await (const state of status) states.push(state);
}

function tick(count: number, resume: object = {}): object {
  return {
    data: { tick: count },
    extensions: { resume: { token: `token ${count}`, position: `${count}`, ...resume } },
  };
}

function asked({ payload }: ReceivedMessage): unknown {
  return payload?.['extensions'];
}

describe('`ready` of a resumable operation', () => {
  it('waits for the word of the server that it listens', async () => {
    const { attempt, deliver, handle, clock } = stage();
    const readiness: unknown[] = [];
    void handle.ready.then((value) => readiness.push(value));
    await attempt();
    const before = readiness.length;
    const timers = clock.timerCount - 1;
    await deliver({ extensions: { resume: { token: 'start' } } });

    expect([before, readiness]).toEqual([0, [{ confirmed: true }]]);
    expect(await handle.ready).toEqual({ confirmed: true });
    expect(clock.timerCount).toBe(timers); // those of the connection
  });

  it('does not wait for long: not every server has such a word', async () => {
    const { attempt, handle, clock } = stage();
    const { ready } = handle;
    await attempt();
    await clock.advance(2_000);

    expect(await ready).toEqual({ confirmed: false });
  });
});

describe('a resumable operation that goes on', () => {
  it('is told of every gap, before the next result, and goes on behind it', async () => {
    const noted: unknown[] = [];
    const { attempt, deliver, reconnect, heard, states } = stage({
      onGap: ({ reason, missing }) => noted.push([heard.length, reason, missing?.events]),
    });
    const missing = { from: 'token 2', until: 'token 4', events: 3 };
    await attempt();
    await deliver(tick(1), {
      extensions: {
        resume: { recovered: false, reason: 'EVENTS_DROPPED', missing, token: 'token 4' },
      },
    });
    await deliver(tick(5), {
      extensions: { resume: { recovered: false, reason: 'RESUME_GAP', token: 'token 7' } },
    });

    expect(noted).toEqual([
      [1, 'EVENTS_DROPPED', 3],
      [2, 'RESUME_GAP', undefined],
    ]);
    expect(heard).toEqual([{ data: { tick: 1 } }, { data: { tick: 5 } }]);
    expect(states).toEqual(['idle', 'connecting', 'live', 'gap', 'gap']);
    expect(asked(await reconnect())).toEqual({ resume: { token: 'token 7' } });
  });
});

describe('a resumable operation', () => {
  it('says in its first attempt that it would resume, with nothing to resume from', async () => {
    const { attempt } = stage();

    expect(asked(await attempt())).toEqual({ resume: {} });
  });

  it('asks after a lost connection for what follows the last result', async () => {
    const { attempt, deliver, reconnect } = stage();
    await attempt();
    await deliver(tick(1), tick(2));

    expect(asked(await reconnect())).toEqual({ resume: { token: 'token 2' } });
  });

  it('keeps what the caller has in extensions, and never lets a token of one operation into another', async () => {
    const { client, peer, attempt, deliver } = stage({}, { extensions: { trace: 'on' } });
    const first = await attempt();
    await deliver(tick(1));
    client.subscribe({ query }).subscribe({});

    expect(asked(first)).toEqual({ trace: 'on', resume: {} });
    expect(asked(await peer.expect({ type: 'subscribe' }))).toEqual({ resume: {} });
  });

  it('goes on from the token before if the last result had none', async () => {
    const { attempt, deliver, reconnect } = stage();
    await attempt();
    await deliver(tick(1), { data: { tick: 2 } }, { data: { tick: 3 }, extensions: { resume: 7 } });

    expect(asked(await reconnect())).toEqual({ resume: { token: 'token 1' } });
  });

  it('hides from the consumer what only servers and clients need', async () => {
    const { attempt, deliver, heard } = stage();
    await attempt();
    await deliver(tick(1), {
      data: { tick: 2 },
      extensions: { resume: { token: 'token 2' }, cost: 1 },
    });

    expect(heard.slice(-2)).toEqual([
      { data: { tick: 1 } },
      { data: { tick: 2 }, extensions: { cost: 1 } },
    ]);
  });

  it('hands nothing on that is only a report, and goes on from its token', async () => {
    const { attempt, deliver, reconnect, heard } = stage();
    await attempt();
    await deliver({ extensions: { resume: { token: 'head' } } });

    expect(heard).toEqual([]);
    expect(asked(await reconnect())).toEqual({ resume: { token: 'head' } });
  });

  it('survives whatever a server has for errors and extensions', async () => {
    const { attempt, deliver, heard } = stage();
    const results = [{ errors: 'none' }, { errors: [null] }, { data: null, extensions: null }];
    await attempt();
    await deliver(...results);

    expect(heard).toEqual(results);
  });

  it('touches no result of a server that cannot resume', async () => {
    const { attempt, deliver, heard } = stage();
    const result = { data: { tick: 1 }, extensions: { cost: 1 } };
    await attempt();
    await deliver(result, result);

    expect(heard.slice(-2)).toEqual([result, result]);
  });
});

describe('an event that comes in parts', () => {
  const parts = (last: object): object[] => [
    { ...tick(1), hasNext: true },
    { incremental: [{ path: [], data: { more: 1 } }], hasNext: true },
    { ...last, hasNext: false },
  ];

  it.each([
    ['as servers send them', {}],
    ['put together', tick(1)],
  ])('is behind the client once the last is there: %s', async (_, last) => {
    const { attempt, deliver, reconnect, heard } = stage();
    await attempt();
    await deliver(...parts(last).slice(0, 2));
    expect(asked(await reconnect())).toEqual({ resume: {} });

    await deliver(...parts(last));
    expect(heard).toHaveLength(5);
    expect(asked(await reconnect())).toEqual({ resume: { token: 'token 1' } });

    await deliver(...parts(last));
    expect(heard).toHaveLength(5);
  });

  it('is not behind the client where errors end it', async () => {
    const { attempt, deliver, reconnect } = stage();
    await attempt();
    await deliver(...parts({}).slice(0, 2), { errors: [{ message: 'no more' }] });

    expect(asked(await reconnect())).toEqual({ resume: {} });
  });
});

describe('an event that comes twice', () => {
  it('is handed on once, by its position, whatever its token', async () => {
    const { attempt, deliver, reconnect, heard, states } = stage();
    await attempt();
    await deliver(tick(1), tick(2));
    await reconnect();
    await deliver(tick(2, { token: 'another', recovered: true }), tick(3));

    expect(heard).toEqual([1, 2, 3].map((count) => ({ data: { tick: count } })));
    expect(states.slice(2)).toEqual(['live', 'reconnecting', 'live', 'recovered']);
  });

  it('is handed on once, by its token, where there are no positions', async () => {
    const { attempt, deliver, heard } = stage();
    await attempt();
    await deliver(tick(1, { position: undefined }), tick(1, { position: undefined }));

    expect(heard).toEqual([{ data: { tick: 1 } }]);
  });

  it('does not take the operation back to where it was', async () => {
    const { attempt, deliver, reconnect } = stage();
    await attempt();
    await deliver(tick(1), tick(2), tick(1));

    expect(asked(await reconnect())).toEqual({ resume: { token: 'token 2' } });
  });

  it('is known among the last 256', async () => {
    const { attempt, deliver, heard } = stage();
    await attempt();
    await deliver(...Array.from({ length: 257 }, (_, index) => tick(index)));
    await deliver(tick(1), tick(0));

    expect(heard).toHaveLength(258);
    expect(heard.at(-1)).toEqual({ data: { tick: 0 } });
  });
});

describe('the status of a resumable operation', () => {
  it.each([
    { report: { recovered: true }, outcome: 'recovered' },
    { report: { status: 'recovered' }, outcome: 'recovered' },
    { report: { recovered: false }, outcome: 'gap' },
    { report: { status: 'gap' }, outcome: 'gap' },
  ])('is $outcome if the server says $report', async ({ report, outcome }) => {
    const { attempt, deliver, reconnect, states, handle } = stage();
    await attempt();
    await deliver(tick(1));
    await reconnect();
    await deliver(tick(2, report));

    expect(states.slice(2)).toEqual(['live', 'reconnecting', 'live', outcome]);
    expect(handle.status.current).toBe(outcome);
  });

  it('is known before the result that brought it', async () => {
    const scene = stage({ onGap: () => scene.heard.push('gap') });
    const { attempt, deliver, reconnect, heard } = scene;
    await attempt();
    await deliver(tick(1));
    await reconnect();
    await deliver(tick(5, { recovered: false }));

    expect(heard).toEqual([{ data: { tick: 1 } }, 'gap', { data: { tick: 5 } }]);
  });

  it('does not change with what else a server says there', async () => {
    const { attempt, deliver, reconnect, states } = stage();
    await attempt();
    await deliver(tick(1));
    await reconnect();
    await deliver(tick(2, { recovered: 'yes', status: 'ended' }));

    expect(states.slice(2)).toEqual(['live', 'reconnecting', 'live']);
  });

  it('takes one report of each attempt', async () => {
    const { attempt, deliver, reconnect, states } = stage();
    await attempt();
    await deliver(tick(1));
    await reconnect();
    await deliver(tick(2, { recovered: true }), tick(3, { recovered: false }));
    await reconnect();
    await deliver(tick(4, { recovered: false }));

    expect(states.slice(5)).toEqual(['recovered', 'reconnecting', 'live', 'gap']);
  });
});

describe('a gap', () => {
  it('is told with what was asked for, for a query that catches up', async () => {
    const gaps: unknown[] = [];
    const { attempt, deliver, reconnect } = stage({ onGap: (gap) => gaps.push(gap) });
    await attempt();
    await deliver(tick(1));
    const again = await reconnect();
    await deliver({ extensions: { resume: { recovered: false } } });

    expect(asked(again)).toEqual({ resume: { token: 'token 1' } });
    expect(gaps).toEqual([{ request: { query } }]);
  });

  it('is told again after the next attempt if no token came since', async () => {
    const { attempt, deliver, reconnect } = stage();
    await attempt();
    await deliver(tick(1));
    await reconnect();
    await deliver({ extensions: { resume: { recovered: false } } });

    expect(asked(await reconnect())).toEqual({ resume: { token: 'token 1' } });
  });

  it.each([
    {
      name: 'throws',
      onGap: broken,
    },
    { name: 'rejects', onGap: () => Promise.reject(new Error('no catching up')) },
  ])('does not disturb the operation if who is told $name', async ({ onGap }) => {
    const { attempt, deliver, reconnect, heard } = stage({ onGap });
    await attempt();
    await deliver(tick(1));
    await reconnect();
    await deliver(tick(5, { recovered: false }));

    expect(heard.at(-1)).toEqual({ data: { tick: 5 } });
  });

  it('is the end if the client asks the server for that', async () => {
    const { attempt, deliver, reconnect, peer, clock, heard, states } = stage({ onGap: 'fail' });
    const errors = [{ message: 'Events are missing', extensions: { code: 'RESUME_GAP' } }];
    const first = await attempt();
    await deliver(tick(1));
    const { id, ...again } = await reconnect();
    peer.send({ id, type: 'error', payload: errors });
    await clock.settle();

    expect(asked(first)).toEqual({ resume: { onGap: 'fail' } });
    expect(asked(again)).toEqual({ resume: { token: 'token 1', onGap: 'fail' } });
    expect(heard.at(-1)).toEqual({ errors });
    expect(states.at(-1)).toBe('ended');
  });
});

const key = (): string => 'ticks';

function broken(): never {
  throw new Error('quota exceeded');
}

describe('a store of tokens', () => {
  it('lets another client go on where this one was', async () => {
    const store = new Map<string, string>();
    const before = stage({ store, key });
    await before.attempt();
    await before.deliver(tick(1));
    before.client.close();

    const after = stage({ store, key });

    expect(asked(await after.attempt())).toEqual({ resume: { token: 'token 1' } });
    await after.deliver(tick(2, { recovered: true }));
    expect(after.states).toEqual(['idle', 'connecting', 'live', 'recovered']);
    expect(after.heard).toEqual([{ data: { tick: 2 } }]);
    expect(store).toEqual(new Map([['ticks', 'token 2']]));
  });

  it.each(['RESUME_GAP', 'RESUME_EXPIRED', 'RESUME_INVALID'])(
    'loses a token that the server answered with %s',
    async (code) => {
      const store = new Map([['ticks', 'old']]);
      const { attempt, peer, clock } = stage({ store, key, onGap: 'fail' });
      const { id } = await attempt();
      peer.send({ id, type: 'error', payload: [{ message: 'No', extensions: { code } }] });
      await clock.settle();

      expect(store).toEqual(new Map());
    },
  );

  it('keeps a token through other errors', async () => {
    const store = new Map([['ticks', 'old']]);
    const { attempt, peer, clock } = stage({ store, key });
    const { id } = await attempt();
    peer.send({ id, type: 'error', payload: [{ message: 'No' }] });
    await clock.settle();

    expect(store).toEqual(new Map([['ticks', 'old']]));
  });

  it('is not asked for operations without a key, which remember for themselves', async () => {
    const store = new Map<string, string>();
    const { attempt, deliver, reconnect } = stage({ store, key: () => undefined });
    await attempt();
    await deliver(tick(1));

    expect(asked(await reconnect())).toEqual({ resume: { token: 'token 1' } });
    expect(store).toEqual(new Map());
  });

  it('does not disturb the operation if it throws', async () => {
    const { attempt, deliver, reconnect, heard } = stage({
      store: { get: broken, set: broken, delete: broken },
      key,
    });
    const first = await attempt();
    await deliver(tick(1));

    expect(asked(first)).toEqual({ resume: {} });
    expect(heard.at(-1)).toEqual({ data: { tick: 1 } });
    expect(asked(await reconnect())).toEqual({ resume: { token: 'token 1' } });
  });

  it('does not disturb the operation if its key throws', async () => {
    const { attempt } = stage({ store: new Map(), key: broken });

    expect(asked(await attempt())).toEqual({ resume: {} });
  });
});
