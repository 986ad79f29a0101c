import fc from 'fast-check';
import type { Server } from 'millrace/server';
import { VirtualClock } from 'millrace/testing';
import { expect, it } from 'vitest';

import { createCore } from '../../src/server/core.ts';
import type { ServerCore } from '../../src/server/core.ts';
import { SocketSession } from '../../src/server/socket-session.ts';
import { createFixtureApp } from '../support/fixture-app.ts';
import type { MemoryClient } from '../support/memory-client.ts';
import { connectInMemory } from '../support/memory-client.ts';

const limits = {
  connections: 8,
  unacknowledgedConnections: 3,
  connectionsPerPrincipal: 2,
  operationsPerPrincipal: 2,
  operationsPerConnection: 3,
};
const names = ['ada', 'ada', 'bob', 'throws'];

const act = fc.record({
  does: fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom('connect', 'initialise') },
    { weight: 5, arbitrary: fc.constant('arrive' as const) },
    { weight: 10, arbitrary: fc.constantFrom('subscribe', 'subscribe', 'query', 'stop') },
    { weight: 3, arbitrary: fc.constantFrom('decide', 'vanish', 'close', 'babble', 'wait') },
  ),
  which: fc.nat(20),
  name: fc.constantFrom(...names),
  /** What the connect hook says, or that it takes its time. */
  verdict: fc.constantFrom('accept', 'accept', 'accept', 'refuse', 'fail', 'later'),
});
type Act = typeof act extends fc.Arbitrary<infer Value> ? Value : never;

interface Visitor {
  readonly client: MemoryClient;
  name: string | undefined;
  hasLeft: boolean;
  /** Ids that were sent and not stopped. */
  readonly ids: string[];
}

/** A server of sockets whose counters can be looked into, and what its clients can tell about the same numbers. */
class Crowd {
  readonly clock = new VirtualClock();
  readonly core: ServerCore;
  readonly #visitors: Visitor[] = [];
  readonly #undecided: (() => void)[] = [];
  #ids = 0;

  constructor() {
    const { schema, broker } = createFixtureApp();
    this.core = createCore({
      schema,
      broker,
      limits,
      clock: this.clock,
      onInternalError: () => {},
      protocols: ['graphql-transport-ws', 'subscriptions-transport-ws'],
      onConnect: async ({ connectionParams: { verdict, name } }) => {
        if (verdict === 'later') await this.#decided();
        if (verdict === 'fail') throw new Error('no database');
        return verdict === 'refuse' ? false : { name };
      },
      principal: (session) => {
        const { name } = session as { readonly name: string }; // what `onConnect` returned
        if (name === 'throws') throw new Error('no name');
        return name;
      },
    });
  }

  async take(step: Act): Promise<void> {
    this.#do(step, this.#visitors[step.which % Math.max(1, this.#visitors.length)]);
    if (step.does === 'wait') await this.clock.advance(4_000);
    await this.clock.settle();
  }

  async leave(): Promise<void> {
    for (const visitor of this.#visitors) this.#leave(visitor);
    for (const decide of this.#undecided) decide();
    await this.clock.settle();
  }

  /** What the server counts. */
  counted(): object {
    const { capacity, principals } = this.core;
    return {
      taken: capacity.taken,
      unacknowledged: capacity.unacknowledged,
      principals: names.map((name) => principals.count(name)),
    };
  }

  /** The same from what the clients saw. */
  async seen(): Promise<object> {
    const seen = await Promise.all(this.#visitors.map((visitor) => see(visitor)));
    const open = seen.filter(({ isOpen }) => isOpen);
    return {
      taken: open.length,
      unacknowledged: open.filter(({ isAcknowledged }) => !isAcknowledged).length,
      principals: names.map((name) => {
        const own = open.filter((visitor) => visitor.isAcknowledged && visitor.name === name);
        const operations = own.reduce((sum, { running }) => sum + running, 0);
        return { connections: own.length, operations };
      }),
    };
  }

  /** Counters above their limits. */
  excess(): readonly string[] {
    const { capacity, principals } = this.core;
    const { connections, unacknowledgedConnections } = limits;
    return [
      ...(capacity.taken > connections ? ['connections'] : []),
      ...(capacity.unacknowledged > unacknowledgedConnections ? ['unacknowledgedConnections'] : []),
      ...names.filter((name) => {
        const count = principals.count(name);
        return (
          count.connections > limits.connectionsPerPrincipal ||
          count.operations > limits.operationsPerPrincipal
        );
      }),
    ];
  }

  readonly #open: Server['open'] = (socket, accepted) =>
    new SocketSession(this.core, socket, { ...accepted, onGone: () => {} });

  #decided(): Promise<void> {
    return new Promise((resolve) => void this.#undecided.push(resolve));
  }

  #do(step: Act, visitor: Visitor | undefined): void {
    if (step.does === 'connect') return void this.#connect();
    if (step.does === 'arrive') return this.#arrive(step);
    if (step.does === 'decide') return this.#undecided.shift()?.();
    if (visitor && step.does !== 'wait') this.#deeds[step.does](visitor, step);
  }

  readonly #deeds = {
    initialise: (visitor, { name, verdict }) => {
      visitor.name ??= name;
      const payload = { name: visitor.name, verdict };
      send(visitor.client, { type: 'connection_init', payload });
    },
    subscribe: (visitor) => this.#ask(visitor, 'subscription { message(room: "r") { text } }'),
    query: (visitor) => this.#ask(visitor, '{ hello }'),
    stop: ({ client, ids }) => send(client, { type: 'complete', id: ids.shift() ?? 'none' }),
    babble: ({ client }) => client.send('no JSON'),
    vanish: (visitor) => this.#leave(visitor),
    close: (visitor) => {
      visitor.hasLeft = true;
      visitor.client.close(1000);
    },
  } satisfies Record<string, (visitor: Visitor, step: Act) => void>;

  #arrive(step: Act): void {
    const visitor = this.#connect();
    if (visitor) this.#deeds.initialise(visitor, step);
  }

  #connect(): Visitor | undefined {
    if (this.core.capacity.isFull) return undefined;
    const visitor: Visitor = {
      client: connectInMemory({ open: this.#open }, this.clock),
      name: undefined,
      hasLeft: false,
      ids: [],
    };
    this.#visitors.push(visitor);
    return visitor;
  }

  #ask({ client, ids }: Visitor, query: string): void {
    this.#ids += 1;
    const id = String(this.#ids);
    ids.push(id);
    send(client, { type: 'subscribe', id, payload: { query } });
  }

  #leave(visitor: Visitor): void {
    visitor.hasLeft = true;
    visitor.client.vanish();
  }
}

function send(client: MemoryClient, message: object): void {
  client.send(JSON.stringify(message));
}

interface Sight {
  readonly name: string | undefined;
  readonly isOpen: boolean;
  readonly isAcknowledged: boolean;
  readonly running: number;
}

async function see({ client, name, hasLeft, ids }: Visitor): Promise<Sight> {
  const observations = await client.rest();
  const messages = observations.flatMap((observation) =>
    observation.kind === 'message' ? [observation.message as WireMessage] : [],
  );
  const ended = messages.filter(({ type }) => type === 'error' || type === 'complete');
  return {
    name,
    isOpen: !hasLeft && !observations.some(({ kind }) => kind === 'close'),
    isAcknowledged: messages.some(({ type }) => type === 'connection_ack'),
    running: ids.filter((id) => !ended.some((message) => message.id === id)).length,
  };
}

/** Frames of a server of ours. */
interface WireMessage {
  readonly type: string;
  readonly id?: string;
}

it('the counters of a server say what its clients see, whoever comes and goes, and end at zero', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(act, { minLength: 10, maxLength: 60 }), async (acts) => {
      const crowd = new Crowd();
      for (const each of acts) {
        await crowd.take(each);
        expect(crowd.counted()).toEqual(await crowd.seen());
        expect(crowd.excess()).toEqual([]);
      }

      await crowd.leave();

      const { capacity, principals, deadlines } = crowd.core;
      expect([capacity.taken, capacity.unacknowledged, principals.size]).toEqual([0, 0, 0]);
      expect([deadlines.size, crowd.clock.timerCount]).toEqual([0, 0]);
    }),
    { numRuns: 60 },
  );
});
