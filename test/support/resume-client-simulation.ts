import assert from 'node:assert/strict';

import { GraphQLInt, GraphQLObjectType, GraphQLSchema } from 'graphql';
import { createMemoryBroker } from 'millrace/broker/memory';
import type { MemoryBroker } from 'millrace/broker/memory';
import { createClient } from 'millrace/client';
import type { OperationHandle } from 'millrace/client';
import { resumable } from 'millrace/client/resume';
import { graphqlTransportWs, subscriptionsTransportWs, websocket } from 'millrace/client/websocket';
import { createServer } from 'millrace/server';
import type { Server } from 'millrace/server';
import { inMemoryWebSocket, manualSignals } from 'millrace/testing';
import type { InMemoryWebSocket } from 'millrace/testing';

import type { ResumeClientAct, ResumingSpec } from './resume-client-acts.ts';
import { passes } from './resume-client-acts.ts';
import { RestingClock } from './resume-clock.ts';

/** What one consumer heard, in order. */
type Heard =
  | { readonly kind: 'event'; readonly n: number }
  | { readonly kind: 'gap'; readonly reason: string | undefined }
  | { readonly kind: 'refused'; readonly code: unknown };

interface Consumer {
  readonly spec: ResumingSpec;
  readonly handle: OperationHandle<Result>;
  readonly heard: Heard[];
  readonly states: string[];
  /** So many events were published when the server had said that it listens. */
  readyAt: number | undefined;
  /** Operations that the server runs for it. */
  running: number;
  readonly close: () => void;
}

interface Result {
  readonly data?: Readonly<Record<string, number>> | null;
  readonly errors?: readonly { readonly extensions?: Readonly<Record<string, unknown>> }[];
}

const never = Number.POSITIVE_INFINITY;
const protocols = { current: graphqlTransportWs, older: subscriptionsTransportWs } as const;

/** The real client and the real server, with cuts between them, on one virtual clock. */
export class ResumeClientSimulation {
  readonly #clock = new RestingClock();
  readonly #broker: MemoryBroker;
  readonly #server: Server;
  readonly #network: InMemoryWebSocket;
  readonly #consumers: Consumer[] = [];
  #published = 0;

  constructor(events: number) {
    const now = (): number => this.#clock.now();
    this.#broker = createMemoryBroker({ events, now });
    this.#server = this.#createServer();
    this.#network = inMemoryWebSocket(this.#server, { clock: this.#clock });
  }

  /** Plays the acts, lets the network be well again, and resolves with what is left once everybody has gone. */
  async play(acts: readonly ResumeClientAct[]): Promise<object> {
    for (const act of acts) {
      await this.#do(act);
      this.#assertHeard();
    }
    this.#network.goOnline();
    for (const connection of this.#network.connections) connection.release();
    await this.#clock.advance(200_000);
    this.#publish(2); // whoever is there hears at least one of them
    await this.#clock.settle();
    this.#assertHeard();
    for (const consumer of this.#consumers) this.#assertComplete(consumer);
    for (const { close } of this.#consumers) close();
    await this.#clock.advance(200_000);
    const { readers, operations, connections } = this.#server.gauges();
    return { readers, operations, connections, timers: this.#clock.timerCount };
  }

  async #do(act: ResumeClientAct): Promise<void> {
    switch (act.kind) {
      case 'publish':
        return this.#publish(act.events);
      case 'start':
        return this.#start(act.spec);
      case 'cut':
        return pick(this.#network.connections.slice(-4), act.which)?.drop();
      case 'stall':
        return pick(this.#network.connections.slice(-4), act.which)?.stall('to-client');
      case 'release':
        return pick(this.#network.connections.slice(-4), act.which)?.release('to-client');
      case 'network':
        return act.is === 'there' ? this.#network.goOnline() : this.#network.goOffline();
      case 'wait':
        return this.#clock.advance(act.ms);
    }
  }

  #publish(count: number): void {
    const first = this.#published;
    this.#published += count;
    const events = Array.from({ length: count }, (_, i) => first + i);
    void this.#broker.publishMany('ticks', '', events);
  }

  #start(spec: ResumingSpec): void {
    const id = this.#consumers.length;
    const heard: Heard[] = [];
    const onGap =
      spec.onGap === 'fail'
        ? spec.onGap
        : ({ reason }: { readonly reason?: string }) => heard.push({ kind: 'gap', reason });
    const client = createClient({
      url: 'ws://server.test/graphql',
      transport: websocket({
        WebSocket: this.#network.WebSocket,
        protocol: protocols[spec.protocol],
      }),
      resume: resumable({ onGap }),
      clock: this.#clock,
      random: () => 0.5,
      signals: manualSignals().signals,
    });
    const handle = client.subscribe({
      query: `subscription { ${spec.field} }`,
      extensions: { consumer: id },
    }) as OperationHandle<Result>; // as the schema has it
    const consumer: Consumer = {
      spec,
      handle,
      heard,
      states: [],
      readyAt: undefined,
      running: 0,
      close: () => client.close(),
    };
    this.#consumers.push(consumer);
    void this.#note(consumer);
    void this.#consume(consumer);
    void this.#awaitReady(consumer);
  }

  async #note({ handle, states }: Consumer): Promise<void> {
    for await (const state of handle.status) states.push(state);
  }

  async #consume({ handle, heard, spec }: Consumer): Promise<void> {
    const take = ({ data, errors }: Result): void => {
      const n = data?.[spec.field];
      if (n !== undefined) heard.push({ kind: 'event', n });
      else heard.push({ kind: 'refused', code: errors?.[0]?.extensions?.['code'] });
    };
    if (spec.consumer === 'observer') handle.subscribe(take);
    else for await (const result of handle) take(result);
  }

  async #awaitReady(consumer: Consumer): Promise<void> {
    try {
      const { confirmed } = await consumer.handle.ready;
      if (confirmed) consumer.readyAt = this.#published;
    } catch {
      // it ended before
    }
  }

  #assertHeard(): void {
    for (const consumer of this.#consumers) {
      assert(consumer.running <= 1, 'the server runs an operation twice');
      assertLaw(consumer);
    }
  }

  #assertComplete({ heard, states, handle, spec }: Consumer): void {
    const last = heard.at(-1);
    const gaps = heard.filter(({ kind }) => kind === 'gap').length;
    if (spec.onGap === 'tell') {
      const said = states.filter((state) => state === 'gap').length;
      assert(said <= gaps, 'the status tells of gaps that nobody was told of');
      assert(said > 0 || gaps === 0, 'a gap is not in the status');
    }
    if (last?.kind === 'refused') {
      assert.equal(handle.status.current, 'ended');
      assert.equal(spec.onGap, 'fail');
      return;
    }
    assert.match(handle.status.current, /^(live|recovered|gap)$/, 'it does not run');
    const due = range(0, this.#published).findLast((n) => passes(spec, n));
    assert.deepEqual(last, { kind: 'event', n: due }, 'it does not hear the last event');
  }

  #createServer(): Server {
    const ticks = this.#broker.topic<number>('ticks');
    return createServer({
      schema: new GraphQLSchema({
        query: new GraphQLObjectType({ name: 'Query', fields: { a: { type: GraphQLInt } } }),
        subscription: new GraphQLObjectType({
          name: 'Subscription',
          fields: {
            tick: { type: GraphQLInt, subscribe: () => ticks.source() },
            even: {
              type: GraphQLInt,
              subscribe: () => ticks.source().filter((n) => passes({ field: 'even' }, n)),
            },
            // not pure, so each executes its own
            own: { type: GraphQLInt, subscribe: () => ticks.source(), resolve: itself },
          },
        }),
      }),
      broker: this.#broker,
      clock: this.#clock,
      protocols: ['graphql-transport-ws', 'subscriptions-transport-ws'],
      keepAlive: { pingAfterMs: never, pingAnswerMs: never },
      resume: { now: () => this.#clock.now() },
      onInternalError: () => {}, // events that were lost
      onSubscribe: ({ operation }) => this.#count(operation.extensions, 1),
      onComplete: ({ operation }) => this.#count(operation.extensions, -1),
    });
  }

  #count(extensions: Readonly<Record<string, unknown>> | undefined, difference: 1 | -1): void {
    const consumer = this.#consumers[Number(extensions?.['consumer'])];
    if (consumer) consumer.running += difference;
  }
}

function itself(event: number): number {
  return event;
}

/** In order, once, and nothing left out without a word before what follows. */
function assertLaw({ heard, spec, readyAt = 0 }: Consumer): void {
  let next = heard.some(({ kind }) => kind === 'gap') ? 0 : readyAt;
  let gaps = 0;
  for (const each of heard) {
    if (each.kind !== 'event') {
      assert.equal(each.kind === 'gap' ? each.reason : each.code, 'RESUME_GAP');
      gaps += 1;
      continue;
    }
    assert(passes(spec, each.n), 'an event of others');
    assert(each.n >= next || each.n < readyAt, `${each.n} was heard again, or too late`);
    const missing = next === 0 ? [] : range(next, each.n).filter((n) => passes(spec, n));
    assert(missing.length === 0 || gaps > 0, `${missing.join()} are missing before ${each.n}`);
    if (missing.length > 0) gaps -= 1;
    // what an iterator has not taken yet it hears after a gap that came later
    if (spec.consumer === 'observer') gaps = 0;
    next = each.n + 1;
  }
}

function range(from: number, to: number): readonly number[] {
  return Array.from({ length: Math.max(0, to - from) }, (_, i) => from + i);
}

function pick<Member>(members: readonly Member[], which: number): Member | undefined {
  return members[which % members.length];
}
