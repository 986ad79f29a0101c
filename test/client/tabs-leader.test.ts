import { UsageError } from 'millrace';
import type { ResultSink } from 'millrace/client';
import { http } from 'millrace/client/http';
import { tabs } from 'millrace/client/tabs';
import type { LocksLike } from 'millrace/client/tabs';
import { serveTabs } from 'millrace/client/tabs-worker';
import { websocket } from 'millrace/client/websocket';
import { VirtualClock } from 'millrace/testing';
import { describe, expect, it, onTestFinished } from 'vitest';

import { hostDefaults } from '../../src/client/tabs/host-options.ts';
import { LeaderWay } from '../../src/client/tabs/leader-way.ts';
import { MemoryLocks } from '../support/memory-locks.ts';
import { TabsStage, noLocks } from '../support/tabs-stage.ts';
import type { Tab } from '../support/tabs-stage.ts';

/** A leader and two that follow it, each of which listens. */
async function threeTabs(stage: TabsStage): Promise<readonly [Tab, Tab, Tab]> {
  const opened = [stage.open(), stage.open(), stage.open()] as const;
  for (const tab of opened) {
    tab.listen('one');
    await stage.settle();
  }
  return opened;
}

function kindsOf({ sharings }: Tab): readonly string[] {
  return sharings.map(({ kind }) => kind);
}

/** Whether tabs hear of what is published now, over one connection. */
async function expectService(stage: TabsStage, served: readonly Tab[]): Promise<void> {
  stage.publish('one', 'now');
  await stage.settle();
  for (const { heard } of served) expect(heard.at(-1)).toEqual({ one: 'now' });
  expect(stage.network.inUse).toHaveLength(1);
  expect(stage.runningOn(stage.network.inUse[0])).toHaveLength(served.length);
}

describe('tabs of which one leads', () => {
  it('have one connection, and results of their own', async () => {
    const stage = new TabsStage();
    const all = await threeTabs(stage);

    await expectService(stage, all);
    expect(stage.network.links).toHaveLength(1);
    expect(all.map(kindsOf)).toEqual([['leader'], ['follower'], ['follower']]);
    expect(all.map(({ heard }) => heard.length)).toEqual([1, 1, 1]);
  });

  it('can begin all at once', async () => {
    const stage = new TabsStage();
    const all = [stage.open(), stage.open(), stage.open()];
    for (const tab of all) tab.listen('one');
    await stage.settle();

    await expectService(stage, all);
    expect(all.flatMap(kindsOf).toSorted()).toEqual(['follower', 'follower', 'leader']);
  });

  it.each([
    ['closes its client', (leader: Tab) => leader.client.close()],
    ['crashes', (leader: Tab) => leader.crash()],
  ])('go on with the next one when the leader %s', async (_, leave) => {
    const stage = new TabsStage();
    const [leader, ...others] = await threeTabs(stage);
    leave(leader);
    // the socket of a page that crashed goes with it
    stage.network.link.destroy();
    await stage.clock.advance(1_000);

    await expectService(stage, others);
    expect(others.flatMap(kindsOf).toSorted()).toEqual([
      'follower',
      'follower',
      'follower',
      'leader',
    ]);
    expect(others[0]?.losses).toHaveLength(1);
  });

  it('are back within a quarter of a second when the leader leaves', async () => {
    const stage = new TabsStage();
    const [leader, ...others] = await threeTabs(stage);
    await stage.clock.advance(1_000);
    leader.client.close();
    await stage.clock.advance(250);

    await expectService(stage, others);
    expect(others.map(({ losses }) => losses.length)).toEqual([1, 1]);
  });

  it('let a page that is put away give up the lead, and come back', async () => {
    const stage = new TabsStage();
    const all = await threeTabs(stage);
    await stage.clock.advance(1_000);
    all[0].putAway();
    // what waits in the queue of a page that is frozen comes when it is thawed
    await stage.clock.advance(1_000);

    await expectService(stage, all);
    expect(all[0].losses).toEqual(['CONNECTION_LOST: The page is put away']);
  });

  it('take the lead from one that hangs', async () => {
    const stage = new TabsStage();
    const [leader, ...others] = await threeTabs(stage);
    leader.hang();
    const { link } = stage.network;
    await stage.clock.advance(30_000);
    expect(others[0]?.losses).toEqual([
      'CONNECTION_LOST: The one that holds the connection is silent',
    ]);

    await stage.clock.advance(10_000);

    expect(stage.network.links.length).toBeGreaterThan(1);
    // the one that hung learns that it has lost the lock, and joins those who have it
    expect(link.readyState).toBe(3);
    stage.publish('one', 'now');
    await stage.settle();
    for (const { heard } of others) expect(heard.at(-1)).toEqual({ one: 'now' });
    expect(stage.network.inUse).toHaveLength(1);
  });

  it('come back over one connection when theirs is lost', async () => {
    const stage = new TabsStage();
    const all = await threeTabs(stage);
    stage.network.link.destroy();
    await stage.clock.advance(1_000);

    await expectService(stage, all);
    expect(stage.network.links).toHaveLength(2);
  });

  it('use the parameters of the one that leads', async () => {
    const stage = new TabsStage();
    let calls = 0;
    const connectionParams = (): object => ({ call: (calls += 1) });
    const client = { connectionParams: connectionParams as () => Record<string, unknown> };
    stage.open({ client }).listen('one');
    stage.open({ client }).listen('one');
    await stage.settle();

    expect(stage.parameters).toEqual([{ call: 1 }]);
  });

  it('never share with those of another name', async () => {
    const stage = new TabsStage();
    for (const user of ['Ada', 'Grace']) {
      const tab = stage.open({ tabs: { name: user }, client: { connectionParams: { user } } });
      tab.listen('secret');
      await stage.settle();
    }

    expect(stage.parameters).toEqual([{ user: 'Ada' }, { user: 'Grace' }]);
    expect(stage.network.links.map((link) => stage.runningOn(link).length)).toEqual([1, 1]);
  });

  it('follow a change of the name', async () => {
    const stage = new TabsStage();
    let user: string | undefined;
    const tab = stage.open({ tabs: { name: () => user } });
    tab.listen('one');
    await stage.settle();
    user = 'Ada';
    tab.client.reconnect();
    await stage.settle();

    expect(tab.sharings).toEqual([{ kind: 'alone', reason: 'unnamed' }, { kind: 'leader' }]);
    expect(stage.network.inUse).toHaveLength(1);
  });

  it('are not led by somebody who signs in as somebody else meanwhile', async () => {
    const stage = new TabsStage();
    let user = 'Ada';
    const first = stage.open({
      tabs: { name: () => user },
      client: { connectionParams: () => ({ user }) },
    });
    first.listen('secret');
    user = 'Grace';
    const second = stage.open({
      tabs: { name: 'Ada' },
      client: { connectionParams: { user: 'Ada' } },
    });
    second.listen('secret');
    await stage.clock.advance(1_000);

    expect(first.losses).toEqual(['CONNECTION_LOST: The name has changed']);
    expect(stage.parameters).toHaveLength(2);
    expect(stage.parameters).toEqual(expect.arrayContaining([{ user: 'Ada' }, { user: 'Grace' }]));
    expect(stage.network.inUse.map((link) => stage.runningOn(link).length)).toEqual([1, 1]);
  });

  it('are led once by one who gets the lead as it loses patience', async () => {
    const locks = new MemoryLocks();
    const impatient: LocksLike = {
      request: (name, options, callback) =>
        locks.request(name, options, () => {
          const held = callback();
          // it is its own lock now, and it has not heard of that yet
          expect(way.insist()).toBe(true);
          return held;
        }),
    };
    let connections = 0;
    const transport = {
      isShared: true,
      connect: () => ({ start: () => () => {}, close() {}, number: (connections += 1) }),
    };
    const clock = new VirtualClock();
    const host = { transport, settings: { url: '/', clock }, clock, options: hostDefaults, locks };
    const way = new LeaderWay({
      name: 'impatient',
      locks: impatient,
      Channel: BroadcastChannel,
      host,
    });
    onTestFinished(() => way.leave());
    const heard: string[] = [];
    way.enter('', { heard: ({ type }) => heard.push(type), lost() {}, failed() {} });
    for (let turns = 0; turns < 20; turns += 1) await clock.turn();

    expect(heard).toEqual(['welcome']);
    expect(connections).toBe(1);
  });

  it('take no notice of what others say in their channels', async () => {
    const stage = new TabsStage();
    const intruder = new BroadcastChannel(`millrace/tabs/1/${encodeURIComponent(stage.name)}`);
    onTestFinished(() => intruder.close());
    const all = await threeTabs(stage);
    for (const message of [null, 'here', { type: 'here' }, { type: 'enter', guest: 1 }]) {
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- that is for windows
      intruder.postMessage(message);
    }
    await stage.settle();

    await expectService(stage, all);
    expect(all.map(({ losses }) => losses)).toEqual([[], [], []]);
  });

  it('leave nothing behind', async () => {
    const stage = new TabsStage();
    const all = await threeTabs(stage);
    for (const { client } of all) client.close();
    await stage.settle();

    expect(stage.locks.size).toBe(0);
    expect(stage.clock.timerCount).toBe(0);
    expect(stage.network.inUse).toEqual([]);
  });
});

describe('a tab that cannot share', () => {
  it.each([
    ['has no name', { name: () => undefined }, 'unnamed'],
    ['has no locks', { locks: noLocks }, 'unsupported'],
  ])('because it %s has a connection of its own', async (_, options, reason) => {
    const stage = new TabsStage();
    const tab = stage.open({ tabs: options });
    tab.listen('one');
    await stage.settle();
    stage.publish('one', 1);
    await stage.settle();

    expect(tab.sharings).toEqual([{ kind: 'alone', reason }]);
    expect(tab.heard).toEqual([{ one: 1 }]);
    tab.client.close();
    await stage.settle();
    expect(stage.network.inUse).toEqual([]);
  });

  it('because nobody answers has a connection of its own', async () => {
    const stage = new TabsStage();
    class Silent extends EventTarget {
      postMessage(): void {}
      close(): void {}
    }
    const tab = stage.open({ tabs: { BroadcastChannel: Silent as never } });
    tab.listen('one');
    await stage.clock.advance(10_000);
    stage.publish('one', 1);
    await stage.settle();

    expect(tab.sharings).toEqual([{ kind: 'alone', reason: 'silent' }]);
    expect(tab.heard).toEqual([{ one: 1 }]);
    expect(stage.locks.size).toBe(0);
  });

  it('because too many do has a connection of its own', async () => {
    const stage = new TabsStage();
    const all = [stage.open({ tabs: { tabs: 1 } }), stage.open({ tabs: { tabs: 1 } })];
    for (const tab of all) {
      tab.listen('one');
      await stage.settle();
    }

    expect(all[1]?.sharings).toEqual([{ kind: 'alone', reason: 'full' }]);
    expect(stage.network.inUse).toHaveLength(2);
  });

  it('forgets what has ended', async () => {
    const sinks: ResultSink[] = [];
    let stopped = 0;
    const started = (_: unknown, sink: ResultSink): (() => void) => {
      sinks.push(sink);
      return () => (stopped += 1);
    };
    const transport = tabs({
      transport: { isShared: true, connect: () => ({ start: started, close() {} }) },
      name: 'app',
      locks: noLocks,
      worker: () => {
        throw new Error('no workers here');
      },
    });
    const listener = { connected() {}, violated() {}, closed() {} };
    const settings = { url: '/', clock: new VirtualClock() };
    const connection = transport.connect(settings, listener);
    const operation = { kind: 'query', request: { query: '{ a }' } } as const;
    const sink = { next() {}, error() {}, complete() {}, failed() {} };
    const stops = [connection.start(operation, sink)];
    await new Promise((resolve) => setImmediate(resolve));
    stops.push(connection.start(operation, sink), connection.start(operation, sink));
    sinks[0]?.complete();
    sinks[1]?.error([]);
    for (const stop of stops) stop();

    expect(stopped).toBe(1);
  });

  it('stops what it stops, and loses what is lost', async () => {
    const stage = new TabsStage();
    const tab = stage.open({ tabs: { locks: noLocks } });
    const handle = tab.listen('one');
    tab.listen('two');
    await stage.settle();
    handle.return();
    await stage.settle();
    expect(stage.runningOn()).toHaveLength(1);

    stage.network.link.destroy();
    await stage.clock.advance(1_000);

    expect(stage.network.links).toHaveLength(2);
    expect(stage.runningOn()).toHaveLength(1);
  });
});

describe('a name', () => {
  it.each([
    [
      'cannot be told',
      () => {
        throw new Error('signed out');
      },
      'Error: signed out',
    ],
    ['is none', () => ({ id: 1 }) as never, 'UsageError: A name is a string, not object'],
  ])('that %s fails the connection', async (_, name, message) => {
    const stage = new TabsStage();
    const tab = stage.open({ tabs: { name } });
    tab.listen('one');
    await stage.settle();

    expect(tab.heard).toEqual(['CLIENT_ERROR']);
    expect(tab.losses).toEqual([`CLIENT_ERROR: ${message}`]);
    expect(stage.network.links).toEqual([]);
  });

  it('has to be a string', () => {
    const name = { id: 1 } as never;

    expect(() => tabs({ transport: websocket(), name })).toThrow(UsageError);
  });
});

it('a connection with parameters of its own is not shared', async () => {
  const stage = new TabsStage();
  const tab = stage.open({ client: { connectionParams: { user: 'Ada' } } });
  tab.listen('one');
  await stage.settle();
  const held = tab.client.connect({ connectionParams: { user: 'Grace' } });
  await stage.settle();
  (await held).close();

  expect(stage.parameters).toEqual([{ user: 'Ada' }, { user: 'Grace' }]);
  expect(tab.sharings).toEqual([{ kind: 'leader' }, { kind: 'alone', reason: 'parameters' }]);
});

it('a transport with a request for each operation is refused', () => {
  expect(() => tabs({ transport: http(), name: 'app' })).toThrow(UsageError);
  expect(() => serveTabs({ transport: http() })).toThrow(UsageError);
  expect(() => tabs({ transport: websocket(), name: 'app' })).not.toThrow();
});
