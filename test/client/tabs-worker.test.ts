import { describe, expect, it } from 'vitest';

import { TabsStage, noLocks } from '../support/tabs-stage.ts';

/** Parameters that are never found out. */
function stuck(): Promise<never> {
  return new Promise(() => {});
}

function ada(): string {
  return 'Ada';
}

describe('tabs that share the connection of a worker', () => {
  it('have one, with the parameters of one of them, and results of their own', async () => {
    const stage = new TabsStage();
    stage.serve();
    const connectionParams = { user: 'Ada' };
    const first = stage.open({ client: { connectionParams } });
    const second = stage.open({ client: { connectionParams } });
    first.listen('one');
    await stage.settle();
    second.listen('two');
    await stage.settle();

    stage.publish('one', 1);
    stage.publish('two', 2);
    await stage.settle();

    expect(stage.network.links).toHaveLength(1);
    expect(stage.network.link.url).toBe('ws://server.test/graphql');
    expect(stage.parameters).toEqual([{ user: 'Ada' }]);
    expect([first.heard, second.heard]).toEqual([[{ one: 1 }], [{ two: 2 }]]);
    expect(first.sharings).toEqual([{ kind: 'worker' }]);
  });

  it('each learn what the server said when it acknowledged', async () => {
    const stage = new TabsStage();
    stage.serve();
    const payloads: unknown[] = [];
    const onConnected = (payload: unknown): void => {
      payloads.push(payload);
    };
    stage.open({ client: { onConnected } }).listen('one');
    await stage.settle();
    stage.open({ client: { onConnected } }).listen('one');
    await stage.settle();

    expect(payloads).toEqual([{ greeting: 'hi' }, { greeting: 'hi' }]);
  });

  it('prefer what the worker was given, which is told the name', async () => {
    const stage = new TabsStage();
    stage.serve({
      url: 'wss://other.test/graphql',
      connectionParams: (name) => ({ of: name }),
    });
    stage.open({ tabs: { name: 'Ada' } }).listen('one');
    await stage.settle();

    expect(stage.network.link.url).toBe('wss://other.test/graphql');
    expect(stage.parameters).toEqual([{ of: 'Ada' }]);
  });

  it('never share with those of another name', async () => {
    const stage = new TabsStage();
    stage.serve();
    for (const user of ['Ada', 'Grace']) {
      stage.open({ tabs: { name: user }, client: { connectionParams: { user } } }).listen('secret');
    }
    await stage.settle();

    expect(stage.parameters).toEqual([{ user: 'Ada' }, { user: 'Grace' }]);
    expect(stage.network.links.map((link) => stage.runningOn(link).length)).toEqual([1, 1]);
  });

  it('ask another tab for parameters when one is gone, or does not answer', async () => {
    const stage = new TabsStage();
    stage.serve();
    const open = (user: string): void => {
      stage.open({ client: { connectionParams: () => ({ user }) } }).listen('one');
    };
    const gone = stage.open({ client: { connectionParams: stuck } });
    gone.listen('one');
    await stage.settle();
    open('Ada');
    await stage.settle();
    stage.open({ client: { connectionParams: stuck } });
    expect(stage.parameters).toEqual([]);

    gone.crash();
    await stage.settle();

    expect(stage.parameters).toEqual([{ user: 'Ada' }]);
  });

  it('ask the next one after a while', async () => {
    const stage = new TabsStage();
    stage.serve({ askMs: 500 });
    stage.open({ client: { connectionParams: stuck } }).listen('one');
    await stage.settle();
    stage.open({ client: { connectionParams: () => ({ user: 'Ada' }) } }).listen('one');
    await stage.clock.advance(499);
    expect(stage.parameters).toEqual([]);

    await stage.clock.advance(1);

    expect(stage.parameters).toEqual([{ user: 'Ada' }]);
  });

  it.each([
    ['signs in', () => 'Grace'],
    [
      'signs out, which nothing was made for',
      () => {
        throw new TypeError('nobody');
      },
    ],
  ])('are not told the parameters of somebody who %s meanwhile', async (_, next) => {
    const stage = new TabsStage();
    stage.serve({ askMs: 500 });
    const first = stage.open({ tabs: { name: 'Ada' }, client: { connectionParams: stuck } });
    first.listen('one');
    await stage.settle();
    let read: () => string = ada;
    const tab = stage.open({
      tabs: { name: () => read() },
      client: { connectionParams: () => ({ user: read() }) },
    });
    tab.listen('secret');
    await stage.settle();
    read = next;
    await stage.clock.advance(1_000);

    expect(tab.losses[0]).toBe('CONNECTION_LOST: The name has changed');
    expect(first.losses).toEqual([]);
    expect(stage.runningOn(stage.network.links[0])).toEqual([]);
  });

  it('ask the next one if a function of one threw', async () => {
    const stage = new TabsStage();
    stage.serve({ askMs: 500 });
    const [first, second] = [
      stage.open({ client: { connectionParams: stuck } }),
      stage.open({ client: { connectionParams: () => Promise.reject(new Error('no token')) } }),
    ];
    first.listen('one');
    await stage.settle();
    stage.open({ client: { connectionParams: () => ({ user: 'Ada' }) } }).listen('one');
    await stage.settle();
    second.listen('one');
    await stage.clock.advance(500);

    expect(stage.parameters).toEqual([{ user: 'Ada' }]);
    expect(second.losses).toEqual([]);
  });

  it('fail with what a function of theirs threw', async () => {
    const stage = new TabsStage();
    stage.serve();
    const tab = stage.open({
      client: {
        connectionParams: () => {
          throw new Error('no token');
        },
      },
    });
    tab.listen('one');
    await stage.settle();

    expect(tab.losses).toEqual(['CLIENT_ERROR: Error: Error: no token']);
    expect(tab.heard).toEqual(['CLIENT_ERROR']);
  });

  it('stop at the server what they stop', async () => {
    const stage = new TabsStage();
    stage.serve();
    const [first, second] = [stage.open(), stage.open()];
    const handle = first.listen('one');
    second.listen('one');
    await stage.settle();
    handle.return();
    await stage.settle();

    expect(stage.runningOn()).toHaveLength(1);
    stage.publish('one', 1);
    await stage.settle();
    expect([first.heard, second.heard]).toEqual([[], [{ one: 1 }]]);
  });

  it.each([
    ['completes', { type: 'complete' }, ['complete']],
    ['refuses', { type: 'error', payload: [{ message: 'no' }] }, [[{ message: 'no' }], 'complete']],
  ])('hear of what the server %s', async (_, message, heard) => {
    const stage = new TabsStage();
    stage.serve();
    const tab = stage.open();
    tab.listen('one');
    await stage.settle();

    stage.network.link.push({ ...message, id: stage.runningOn()[0] });
    await stage.settle();

    expect(tab.heard).toEqual(heard);
  });

  it('hear of what their protocol does not know', async () => {
    const stage = new TabsStage();
    stage.serve();
    const tab = stage.open();
    tab.listen('one');
    await stage.settle();

    stage.network.link.push({ type: 'nonsense' });
    await stage.settle();

    expect(tab.violations).toHaveLength(1);
  });

  it('throw at the call for variables that JSON cannot hold', async () => {
    const stage = new TabsStage();
    stage.serve();
    const tab = stage.open();
    const answer = tab.client.query({ query: '{ a }', variables: { n: 1n } });

    await expect(answer).rejects.toMatchObject({ code: 'CLIENT_ERROR' });
  });

  it('are told all that is known of a failure', async () => {
    const stage = new TabsStage();
    stage.serve();
    const failures: unknown[] = [];
    const onDisconnected = (failure: unknown): void => {
      failures.push(failure);
    };
    stage.open({ client: { onDisconnected } }).listen('one');
    await stage.settle();

    stage.network.link.hangUp(1013, 'Retry-After: 7');
    await stage.settle();

    expect(failures).toEqual([
      expect.objectContaining({
        name: 'TransportError',
        code: 'CONNECTION_LOST',
        retryable: true,
        closeCode: 1013,
        reason: 'Retry-After: 7',
        retryAfterMs: 7_000,
      }),
    ]);
  });

  it('come back over one connection when theirs is lost', async () => {
    const stage = new TabsStage();
    stage.serve();
    const [first, second] = [stage.open(), stage.open()];
    first.listen('one');
    second.listen('one');
    await stage.settle();

    stage.network.link.destroy();
    await stage.clock.advance(1_000);
    stage.publish('one', 1);
    await stage.settle();

    expect(stage.network.links).toHaveLength(2);
    expect([first.heard, second.heard]).toEqual([[{ one: 1 }], [{ one: 1 }]]);
  });

  it('do not ask a server again that refused their parameters twice', async () => {
    const stage = new TabsStage();
    stage.serve();
    stage.isAcknowledging = false;
    const tab = stage.open({ client: { connectionParams: () => ({ token: 'old' }) } });
    tab.listen('one');
    await stage.settle();
    stage.network.link.hangUp(4403, 'Forbidden');
    await stage.clock.advance(1_000);
    expect(stage.network.links).toHaveLength(2);
    stage.network.link.hangUp(4403, 'Forbidden');
    await stage.clock.advance(600_000);

    expect(stage.network.links).toHaveLength(2);
    expect(tab.heard).toEqual(['CONNECTION_REFUSED']);
  });
});

describe('a tab that is gone', () => {
  it('is noticed by its lock, and what ran for it stops', async () => {
    const stage = new TabsStage();
    stage.serve();
    const [gone, left] = [stage.open(), stage.open()];
    gone.listen('one');
    left.listen('one');
    await stage.settle();

    gone.crash();
    await stage.settle();

    expect(stage.runningOn()).toHaveLength(1);
    expect(stage.network.inUse).toHaveLength(1);
  });

  it('is noticed by its silence where there are no locks', async () => {
    const stage = new TabsStage();
    stage.serve({ locks: noLocks, tabSilenceMs: 50_000 });
    const [gone, left] = [
      stage.open({ tabs: { locks: noLocks } }),
      stage.open({ tabs: { locks: noLocks } }),
    ];
    gone.listen('one');
    left.listen('one');
    await stage.settle();
    gone.hang();
    await stage.clock.advance(49_999);
    expect(stage.runningOn()).toHaveLength(2);

    await stage.clock.advance(300_000);

    expect(stage.runningOn()).toHaveLength(1);
    expect(left.losses).toEqual([]);
  });

  it('is told so if it was only silent', async () => {
    const stage = new TabsStage();
    stage.serve({ locks: noLocks, tabSilenceMs: 50_000 });
    const tab = stage.open({ tabs: { locks: noLocks, pingAfterMs: Number.POSITIVE_INFINITY } });
    tab.listen('one');
    await stage.settle();
    await stage.clock.advance(51_000);
    stage.publish('one', 1);
    await stage.settle();

    expect(tab.losses).toEqual(['CONNECTION_LOST: The tab was silent for too long']);
    expect(tab.heard).toEqual([{ one: 1 }]);
  });

  it('takes the connection with it when it was the last, after a while', async () => {
    const stage = new TabsStage();
    stage.serve({ idleTimeoutMs: 4_000 });
    const tab = stage.open();
    tab.listen('one');
    await stage.settle();
    tab.crash();
    await stage.clock.advance(3_999);
    expect(stage.network.inUse).toHaveLength(1);

    await stage.clock.advance(1);

    expect(stage.network.inUse).toEqual([]);
  });

  it('leaves its connection to one that comes in time', async () => {
    const stage = new TabsStage();
    stage.serve();
    const tab = stage.open();
    tab.listen('one');
    await stage.settle();
    tab.crash();
    await stage.clock.advance(4_999);
    stage.open().listen('one');
    await stage.clock.advance(10_000);

    expect(stage.network.links).toHaveLength(1);
    expect(stage.network.inUse).toHaveLength(1);
  });

  it('leaves nothing behind', async () => {
    const stage = new TabsStage();
    stage.serve();
    const tab = stage.open();
    const [locks, timers] = [stage.locks.size, stage.clock.timerCount];
    tab.listen('one');
    await stage.settle();
    tab.client.close();
    await stage.clock.advance(5_000);

    expect(stage.locks.size).toBe(locks);
    expect(stage.clock.timerCount).toBe(timers);
    expect(stage.network.inUse).toEqual([]);
  });
});

describe('a tab that does not process what it gets', () => {
  it('loses its connection, and the others keep theirs', async () => {
    const stage = new TabsStage();
    stage.serve({ unreadBytes: 100_000 });
    const [slow, quick] = [stage.open(), stage.open()];
    slow.listen('one');
    quick.listen('two');
    await stage.settle();
    const { link } = stage.network;
    const [id] = stage.runningOn(link, 'one');
    // all in one turn, in which the tab has no chance
    const payload = { data: { one: 'x'.repeat(10_000) } };
    for (let count = 0; count < 50; count += 1)
      link.onmessage?.({ data: JSON.stringify({ type: 'next', id, payload }) });
    await stage.settle();

    expect(slow.losses).toEqual([
      'BUFFER_OVERFLOW: Results came faster than the tab processed them',
    ]);
    expect(slow.heard.length).toBeLessThan(8);
    expect(stage.runningOn(link)).toHaveLength(1);
    expect(quick.losses).toEqual([]);
    await stage.clock.advance(1_000);
    expect(stage.runningOn(link)).toHaveLength(2);
  });

  it('has no trouble however much it gets, as long as it takes it', async () => {
    const stage = new TabsStage();
    stage.serve({ unreadBytes: 100_000 });
    const tab = stage.open();
    tab.listen('one');
    await stage.settle();
    for (let count = 0; count < 50; count += 1) {
      stage.publish('one', 'x'.repeat(10_000));
      await stage.settle();
    }
    stage.publish('one', 'x'.repeat(200_000));
    await stage.settle();

    expect(tab.losses).toEqual([]);
    expect(tab.heard).toHaveLength(51);
  });
});

describe('a worker', () => {
  it('that is gone is noticed by its lock; tabs go on with another one', async () => {
    const stage = new TabsStage();
    const worker = stage.serve();
    const tab = stage.open();
    tab.listen('one');
    await stage.settle();
    stage.network.link.destroy();
    worker.crash();
    stage.serve();
    await stage.clock.advance(1_000);
    stage.publish('one', 1);
    await stage.settle();

    expect(tab.heard).toEqual([{ one: 1 }]);
    expect(tab.sharings).toEqual([{ kind: 'worker' }, { kind: 'worker' }]);
  });

  it('that says nothing any more is given up', async () => {
    const stage = new TabsStage();
    const worker = stage.serve({ locks: noLocks });
    const tab = stage.open({ tabs: { pingAfterMs: 10_000, silenceMs: 3_000 } });
    tab.listen('one');
    await stage.settle();
    await stage.clock.advance(60_000);
    expect(tab.losses).toEqual([]);
    worker.crash();

    await stage.clock.advance(13_000);

    expect(tab.losses).toEqual(['CONNECTION_LOST: The one that holds the connection is silent']);
  });

  it('that is closed tells its tabs', async () => {
    const stage = new TabsStage();
    const worker = stage.serve();
    const tab = stage.open();
    tab.listen('one');
    await stage.settle();
    worker.close();
    await stage.settle();

    expect(tab.losses).toEqual(['CONNECTION_LOST: The worker was closed']);
    expect(stage.network.inUse).toEqual([]);
  });

  it('that is closed takes nobody in', async () => {
    const stage = new TabsStage();
    const worker = stage.serve();
    await stage.settle();
    stage.open().listen('one');
    worker.close();
    await stage.settle();

    expect(stage.network.links).toEqual([]);
  });

  it.each([
    [
      'is of another deployment',
      (port: MessagePort) => port.postMessage({ type: 'refused', reason: 'version' }),
    ],
    ['does not answer', () => {}],
  ])('that %s is left for one of the tabs', async (_, answer) => {
    const stage = new TabsStage();
    const worker = (): { readonly port: MessagePort } => {
      const { port1, port2 } = new MessageChannel();
      port2.addEventListener('message', () => answer(port2));
      port2.start();
      return { port: port1 };
    };
    const tab = stage.open({ tabs: { worker, joinMs: 2_000 } });
    tab.listen('one');
    await stage.clock.advance(2_000);
    stage.publish('one', 1);
    await stage.settle();

    expect(tab.sharings).toEqual([{ kind: 'leader' }]);
    expect(tab.heard).toEqual([{ one: 1 }]);
  });

  it('refuses tabs of another version', async () => {
    const stage = new TabsStage();
    let heard: unknown;
    const { port1, port2 } = new MessageChannel();
    port1.addEventListener('message', ({ data }) => {
      heard = data;
    });
    port1.start();
    stage.serve();
    stage.introduce(port2);
    port1.postMessage({ type: 'hello', version: 0 });
    await stage.settle();

    expect(heard).toEqual({ type: 'refused', reason: 'version' });
  });

  it.each([
    [null],
    ['hello'],
    [{ type: 'hello' }],
    [{ type: 'constructor' }],
    [{ type: 'start', operation: '1' }],
  ])('takes no notice of %j', async (data) => {
    const stage = new TabsStage();
    const heard: unknown[] = [];
    const { port1, port2 } = new MessageChannel();
    port1.addEventListener('message', (event) => heard.push(event.data));
    port1.start();
    stage.serve();
    stage.introduce(port2);
    port1.postMessage(data);
    await stage.settle();

    expect(heard).toEqual([]);
  });

  it('has so many tabs and no more', async () => {
    const stage = new TabsStage();
    stage.serve({ tabs: 2 });
    const opened = [stage.open(), stage.open(), stage.open()];
    for (const tab of opened) {
      tab.listen('one');
      await stage.settle();
    }

    expect(opened.map(({ sharings }) => sharings)).toEqual([
      [{ kind: 'worker' }],
      [{ kind: 'worker' }],
      [{ kind: 'leader' }],
    ]);
  });
});
