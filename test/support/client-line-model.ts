import assert from 'node:assert/strict';

import { Line } from '../../src/client/line.ts';
import type { Member } from '../../src/client/line.ts';
import { mayRetry, toRetryPolicy } from '../../src/client/retry.ts';
import type { Connection, ConnectionListener } from '../../src/client/transport.ts';
import { TransportError } from '../../src/client/transport-error.ts';
import { QuickClock } from './client-clock.ts';

/** Something that happens to a line; `which` picks among the members that were ever added. */
export type LineAct =
  | { readonly kind: 'add'; readonly isRetried: boolean; readonly habits: Habits }
  | { readonly kind: 'remove'; readonly which: number }
  | { readonly kind: 'reconnect' | 'close' | 'wake' | 'connected' }
  | { readonly kind: 'lost'; readonly retryable: boolean }
  | { readonly kind: 'wait'; readonly ms: number };

/** When a member, or a hook, does something by itself. */
export type Occasion = 'attach' | 'connected' | 'interrupted' | 'failed';

/** What is done from inside of which call; each once. A member that does something while it is attached leaves first, as one that cannot be written does. */
export type Habits = Partial<Readonly<Record<Occasion, LineAct>>>;

class ScriptedConnection implements Connection {
  readonly listener: ConnectionListener;
  state: 'connecting' | 'connected' | 'gone' = 'connecting';

  constructor(listener: ConnectionListener) {
    this.listener = listener;
  }

  start(): () => void {
    throw new Error('members of this model start nothing');
  }

  probe(): void {
    assert.notEqual(this.state, 'gone', 'a connection was probed that is gone');
  }

  close(): void {
    assert.notEqual(this.state, 'gone', 'a connection was closed that is gone');
    this.state = 'gone';
  }
}

const retry = toRetryPolicy({ attempts: 20, minDelayMs: 1_000, maxDelayMs: 4_000 });

const gone = { state: 'gone' };

type MemberState = 'waiting' | 'attached' | 'served' | 'left' | 'failed';

/** Keeps account of what it is told, and throws at what breaks the contract. */
class ModelMember implements Member {
  readonly isRetried: boolean;
  state: MemberState = 'waiting';
  connection: ScriptedConnection | undefined;
  readonly #model: LineModel;
  readonly #habits: Map<Occasion, LineAct>;

  constructor(model: LineModel, isRetried: boolean, habits: Habits) {
    this.#model = model;
    this.isRetried = isRetried;
    this.#habits = new Map(Object.entries(habits) as [Occasion, LineAct][]); // the keys that the type has
  }

  get isIn(): boolean {
    return this.state !== 'left' && this.state !== 'failed';
  }

  moved(): void {
    this.#model.expect(false, 'a line with one transport has nowhere to send a member');
  }

  attach(connection: Connection): void {
    // one of those who are told of a loss may bring the next connection before the others are told
    this.#model.expect(
      this.isIn && (this.connection ?? gone).state === 'gone',
      `a member that is ${this.state} was attached`,
    );
    this.#model.expect(
      connection === this.#model.current,
      'a member was attached to another connection',
    );
    this.connection = connection as ScriptedConnection; // the transport of the model makes no others
    this.state = 'attached';
    if (this.#habits.has('attach')) this.#model.remove(this);
    this.#act('attach');
  }

  connected(): void {
    // one that left while it was attached may be told: it knows better
    if (this.state === 'left') return;
    this.#model.expect(this.state === 'attached', `a member that is ${this.state} was connected`);
    this.#model.expect(this.connection?.state === 'connected', 'the connection serves nobody');
    this.state = 'served';
    this.#act('connected');
  }

  interrupted(): void {
    this.#model.expect(this.isRetried && this.isIn, `a ${this.state} member was interrupted`);
    this.#model.expect(
      (this.connection ?? gone).state === 'gone',
      'a member was interrupted on a connection that lives',
    );
    this.state = 'waiting';
    this.#act('interrupted');
  }

  failed(): void {
    // as may one that left because another one failed
    this.#model.expect(this.state !== 'failed', 'a member failed twice');
    if (this.state === 'left') return;
    this.state = 'failed';
    this.#act('failed');
  }

  #act(occasion: Occasion): void {
    const act = this.#habits.get(occasion);
    this.#habits.delete(occasion);
    if (act) this.#model.perform(act);
  }
}

/** A {@link Line} over a transport that does what the test says, and the laws it has to keep. */
export class LineModel {
  readonly clock = new QuickClock();
  readonly #idleTimeoutMs: number;
  readonly #line: Line;
  readonly #members: ModelMember[] = [];
  readonly #connections: ScriptedConnection[] = [];
  readonly #wakers = new Set<() => void>();
  readonly #hooks: Map<'onConnected' | 'onDisconnected', LineAct>;
  /** What a member saw that it must not see; calls that line up inside each other may swallow a throw. */
  readonly #offences: string[] = [];

  constructor(idleTimeoutMs: number, hooks: Partial<Readonly<Record<string, LineAct>>> = {}) {
    this.#idleTimeoutMs = idleTimeoutMs;
    this.#hooks = new Map(Object.entries(hooks) as never); // the keys that the test gives
    this.#line = new Line({
      url: '',
      connectionParams: undefined,
      clock: this.clock,
      transport: { isShared: true, connect: (_settings, listener) => this.#connect(listener) },
      retry,
      mayRetry: (failure, attempts) => mayRetry(retry, failure, attempts),
      idleTimeoutMs,
      random: () => 0.5,
      signals: (wake) => {
        const waker = (): void => wake();
        this.#wakers.add(waker);
        return () => this.#wakers.delete(waker);
      },
      onConnected: () => this.#hook('onConnected'),
      onDisconnected: () => this.#hook('onDisconnected'),
      onProtocolViolation: () => {},
    });
  }

  /** The connection that is not gone. */
  get current(): ScriptedConnection | undefined {
    const open = this.#connections.filter(({ state }) => state !== 'gone');
    assert(open.length < 2, 'there are two connections at a time');
    return open[0];
  }

  /** What still is, and costs something. */
  get left(): { readonly connections: number; readonly timers: number; readonly watchers: number } {
    return {
      connections: this.current ? 1 : 0,
      timers: this.clock.timerCount,
      watchers: this.#wakers.size,
    };
  }

  async act(act: LineAct): Promise<void> {
    if (act.kind === 'wait') await this.clock.advance(act.ms);
    else this.perform(act);
    this.#audit();
  }

  perform(act: LineAct): void {
    switch (act.kind) {
      case 'add':
        return this.#add(act.isRetried, act.habits);
      case 'remove':
        return this.#removeOne(act.which);
      case 'reconnect':
        return this.#line.reconnect();
      case 'close':
        return this.#line.close(toFailure('NORMAL_CLOSURE', false));
      case 'wake':
        for (const wake of this.#wakers) wake();
        return;
      case 'connected':
        return this.#serve();
      case 'lost':
        return this.#lose(act.retryable);
      case 'wait':
        // inside of a call no time passes
        return;
    }
  }

  remove(member: ModelMember): void {
    if (!member.isIn) return;
    member.state = 'left';
    this.#line.remove(member);
  }

  expect(isSo: boolean, offence: string): void {
    if (!isSo) this.#offences.push(offence);
  }

  /** Lets every attempt succeed, and looks whether everybody is served; then they go. */
  async finish(): Promise<void> {
    for (let turn = 0; turn < 40; turn += 1) {
      this.#serve();
      await this.clock.advance(500);
      this.#audit();
    }
    for (const member of this.#members.filter(({ isIn }) => isIn)) {
      assert.equal(member.state, 'served', 'a member waits for ever');
      assert.equal(member.connection, this.current);
    }
    // one that goes may bring another one
    while (this.#members.some(({ isIn }) => isIn)) {
      for (const member of this.#members) this.remove(member);
    }
    this.#audit();
    await this.clock.advance(this.#idleTimeoutMs);
    this.#audit();
  }

  /** What has to be true whenever nothing is under way. */
  #audit(): void {
    assert.deepEqual(this.#offences, []);
    const isWanted = this.#members.some(({ isIn }) => isIn);
    const { timerCount } = this.clock;
    if (this.current) {
      assert.equal(timerCount, isWanted ? 0 : 1, 'the idle timer is wrong');
    } else {
      assert.equal(timerCount, isWanted ? 1 : 0, 'the timer of the next attempt is wrong');
    }
    const isWatched = isWanted || this.current !== undefined;
    assert.equal(this.#wakers.size, isWatched ? 1 : 0, 'signals are watched for nothing, or not');
  }

  #add(isRetried: boolean, habits: Habits): void {
    const member = new ModelMember(this, isRetried, habits);
    this.#members.push(member);
    this.#line.add(member);
  }

  #removeOne(which: number): void {
    const member = this.#members[which % this.#members.length];
    if (member) this.remove(member);
  }

  #connect(listener: ConnectionListener): ScriptedConnection {
    assert.equal(this.current, undefined, 'there would be two connections at a time');
    assert(
      this.#members.some(({ isIn }) => isIn),
      'a connection is opened that nobody needs',
    );
    const connection = new ScriptedConnection(listener);
    this.#connections.push(connection);
    return connection;
  }

  #serve(): void {
    const { current } = this;
    if (current?.state !== 'connecting') return;
    current.state = 'connected';
    current.listener.connected({});
  }

  #lose(retryable: boolean): void {
    const { current } = this;
    if (!current) return;
    current.state = 'gone';
    current.listener.closed(toFailure('CONNECTION_LOST', retryable));
  }

  #hook(name: 'onConnected' | 'onDisconnected'): void {
    const act = this.#hooks.get(name);
    this.#hooks.delete(name);
    if (act) this.perform(act);
  }
}

function toFailure(code: 'NORMAL_CLOSURE' | 'CONNECTION_LOST', retryable: boolean): TransportError {
  return new TransportError(code, '', retryable);
}
