import assert from 'node:assert/strict';

import { createClient } from '../../src/client/create-client.ts';
import type { Client, HeldConnection } from '../../src/client/client.ts';
import {
  graphqlTransportWs,
  subscriptionsTransportWs,
  websocket,
} from '../../src/client/websocket.ts';
import { TransportError } from '../../src/client/transport-error.ts';
import type { ClosingCode } from '../../src/errors.ts';
import { ClientAccount } from './client-account.ts';
import type { Consumer, Habit } from './client-account.ts';
import { QuickClock } from './client-clock.ts';
import { ClientNetwork } from './client-network.ts';
import type { Dial, Link, Peer } from './client-network.ts';
import { ServerSession } from './client-server-session.ts';
import type { Mood, ServedOperation } from './client-server-session.ts';
import { TrafficAudit } from './client-traffic-audit.ts';
import { messageOf } from './transition-contract.ts';

/** Something that happens in the world of a simulation; `which` picks among what exists. */
export type ClientAct =
  | { readonly kind: 'wait'; readonly ms: number }
  /** Of the client, or of a connection that it holds; `which` picks one. */
  | {
      readonly kind: 'start';
      readonly consumer: Consumer;
      readonly habit?: Habit;
      readonly which?: number;
    }
  /** One of the connections that the client holds is closed. */
  | { readonly kind: 'release'; readonly which: number }
  | { readonly kind: 'cancel'; readonly which: number; readonly means: 'return' | 'abort' }
  | { readonly kind: 'source'; readonly does: 'deliver' | 'end' | 'fail'; readonly which: number }
  /** How the server answers the next init messages. */
  | { readonly kind: 'mood'; readonly mood: Mood }
  /** How the next connection attempts go. */
  | { readonly kind: 'dial'; readonly dial: Dial }
  | { readonly kind: 'hang up'; readonly error: ClosingCode }
  | { readonly kind: 'network'; readonly does: 'cut' | 'stall' }
  | { readonly kind: 'client'; readonly does: 'reconnect' | 'wake' | 'hold' };

const protocols = {
  'graphql-transport-ws': graphqlTransportWs,
  'subscriptions-transport-ws': subscriptionsTransportWs,
};

/** What may differ between the worlds. */
export interface SimulationParts {
  readonly protocol: keyof typeof protocols;
  /** How long things are under way, one after the other. */
  readonly delays: readonly number[];
  /** What `random` gives, one after the other. */
  readonly chances: readonly number[];
  readonly areParamsFresh: boolean;
  readonly idleTimeoutMs: number;
}

/** The whole client, server machines, the network between them, and virtual time. */
export class ClientSimulation {
  readonly clock = new QuickClock();
  readonly #protocol: keyof typeof protocols;
  readonly #network: ClientNetwork;
  readonly #client: Client;
  readonly #accounts: ClientAccount[] = [];
  readonly #sessions: ServerSession[] = [];
  readonly #held = new Set<HeldConnection>();
  readonly #wakers = new Set<() => void>();
  readonly #offences: unknown[] = [];
  #mood: Mood = 'accept';
  #connecting = 0;
  #isClosed = false;

  constructor({ protocol, delays, chances, areParamsFresh, idleTimeoutMs }: SimulationParts) {
    const nextDelay = cycle(delays);
    this.#protocol = protocol;
    this.#network = new ClientNetwork({
      clock: this.clock,
      accept: (link) => this.#accept(link),
      delay: nextDelay,
    });
    this.#client = createClient({
      url: 'ws://server.test/',
      transport: websocket({
        WebSocket: this.#network.WebSocket,
        protocol: protocols[protocol],
        pingAfterMs: 10_000,
        silenceMs: 15_000,
      }),
      ...(areParamsFresh && { connectionParams: async () => ({ token: this.clock.now() }) }),
      idleTimeoutMs,
      clock: this.clock,
      random: cycle(chances),
      signals: (wake) => {
        const waker = (): void => wake();
        this.#wakers.add(waker);
        return () => this.#wakers.delete(waker);
      },
      onProtocolViolation: (message) => this.#offences.push(message),
      onInternalError: (error) => this.#offences.push(error),
    });
  }

  /** What still is, and costs something. */
  get left(): { readonly connections: number; readonly timers: number; readonly watchers: number } {
    return {
      connections: this.#network.inUse.length,
      timers: this.clock.timerCount,
      watchers: this.#wakers.size,
    };
  }

  /** Ended operations, by how: for tests that ask whether anything happened. */
  get ends(): readonly (string | undefined)[] {
    return this.#accounts.map(({ end }) => end);
  }

  async act(act: ClientAct): Promise<void> {
    if (act.kind === 'wait') {
      await this.clock.advance(act.ms);
      // not before: a socket that is given up while it is made is closed a moment later
      const allowed = 1 + this.#held.size + this.#connecting;
      assert(this.#network.inUse.length <= allowed, 'the client has two connections');
    } else this.#perform(act);
    assert.deepEqual(this.#offences, []);
  }

  /** Lets the network and the server be well again, and looks whether everything that is wanted runs; then closes the client. */
  async finish(): Promise<void> {
    this.#network.dial = 'open';
    this.#mood = 'accept';
    for (let turn = 0; turn < 8; turn += 1) {
      await this.act({ kind: 'wait', ms: 30_000 });
      for (const served of this.#served()) if (!served.isSubscription) served.end();
    }
    await this.act({ kind: 'wait', ms: 10_000 });
    for (const account of this.#accounts) this.#auditAccount(account);

    for (const account of this.#accounts) account.wasDismissed = true;
    this.#isClosed = true;
    this.#client.close();
    this.#held.clear();
    await this.act({ kind: 'wait', ms: 120_000 });
    for (const account of this.#accounts) assert(account.end, 'an operation outlived its client');
    for (const session of this.#sessions) session.finish();
  }

  #auditAccount(account: ClientAccount): void {
    const served = this.#served().filter(({ number }) => number === account.number);
    if (account.end) {
      assert.equal(served.length, 0, `the server still runs what ended with ${account.end}`);
      account.auditResults();
      return;
    }
    assert(account.isSubscription, 'a query hangs');
    assert.equal(account.state, 'live', 'a subscription hangs');
    assert.equal(served.length, 1, 'a subscription does not run exactly once');
  }

  #served(): readonly ServedOperation[] {
    return this.#sessions.flatMap((session) => session.running);
  }

  #perform(act: Exclude<ClientAct, { readonly kind: 'wait' }>): void {
    switch (act.kind) {
      case 'start':
        return this.#start(act);
      case 'release':
        return this.#release(pick([...this.#held], act.which));
      case 'cancel':
        return pick(this.#accounts, act.which)?.cancel(act.means);
      case 'source':
        return pick(this.#served(), act.which)?.[act.does]();
      case 'client':
        return this.#actAsClient(act.does);
      case 'mood':
      case 'dial':
      case 'hang up':
      case 'network':
        return this.#happen(act);
    }
  }

  #happen(act: Extract<ClientAct, { kind: 'mood' | 'dial' | 'hang up' | 'network' }>): void {
    switch (act.kind) {
      case 'mood':
        this.#mood = act.mood;
        return;
      case 'dial':
        this.#network.dial = act.dial;
        return;
      case 'hang up':
        return this.#sessions.at(-1)?.hangUp(act.error);
      case 'network':
        return this.#disturb(act.does);
    }
  }

  #start({ consumer, habit, which = 0 }: Extract<ClientAct, { readonly kind: 'start' }>): void {
    const number = this.#accounts.length;
    // an iteration begins at once: the account has to be there before it is served
    const account = new ClientAccount({
      client: pick([this.#client, ...this.#held], which) ?? this.#client,
      number,
      consumer,
      offend: (offence) => this.#offences.push(offence),
      heard: () => {
        if (habit && !this.#isClosed) this.#indulge(habit, account);
      },
    });
    this.#accounts.push(account);
  }

  /** What a consumer does from inside of a call. */
  #indulge(habit: Habit, account: ClientAccount): void {
    switch (habit) {
      case 'leave':
        return account.cancel('return');
      case 'cancel another':
        return this.#accounts.find(({ end }) => !end)?.cancel('abort');
      case 'start another':
        return this.#start({ kind: 'start', consumer: 'observer' });
      case 'reconnect':
        return this.#client.reconnect();
    }
  }

  async #hold(): Promise<void> {
    this.#connecting += 1;
    try {
      this.#held.add(await this.#client.connect());
    } catch (error) {
      if (!(error instanceof TransportError)) this.#offences.push(error);
    } finally {
      this.#connecting -= 1;
    }
  }

  #release(held: HeldConnection | undefined): void {
    if (!held) return;
    for (const account of this.#accounts) account.wasDismissed ||= account.client === held;
    this.#held.delete(held);
    held.close();
  }

  /** `subscriptions-transport-ws` cannot ask whether the other side lives: before the first `ka` nobody finds out, whatever they do. */
  #disturb(does: 'cut' | 'stall'): void {
    const link = this.#network.links.at(-1);
    const isWatched =
      this.#protocol === 'graphql-transport-ws' ||
      link?.read.some((frame) => messageOf(frame).type === 'ka');
    link?.[isWatched ? does : 'cut']();
  }

  #actAsClient(does: 'reconnect' | 'wake' | 'hold'): void {
    if (does === 'reconnect') this.#client.reconnect();
    else if (does === 'hold') void this.#hold();
    else for (const wake of this.#wakers) wake();
  }

  #accept(link: Link): Peer {
    const audit = new TrafficAudit();
    link.onTraffic = (kind, frame) => audit[kind](frame);
    const session = new ServerSession(link, {
      protocol: this.#protocol,
      clock: this.clock,
      mood: () => this.#mood,
      started: (operation) => this.#accounts[operation.number]?.served(operation),
    });
    this.#sessions.push(session);
    return session;
  }
}

function cycle(numbers: readonly number[]): () => number {
  let turn = 0;
  return () => numbers[turn++ % numbers.length] ?? 0;
}

function pick<Item>(items: readonly Item[], which: number): Item | undefined {
  return items[which % items.length];
}
