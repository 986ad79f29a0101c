import assert from 'node:assert/strict';

import { Broadcaster } from 'millrace/broker';
import type { TopicSource } from 'millrace/broker';
import { createMemoryBroker } from 'millrace/broker/memory';
import { createServer, pure } from 'millrace/server';
import type { MessageSocket, Server, ServerGauges, SocketEvents } from 'millrace/server';
import { VirtualClock } from 'millrace/testing';

import { withMap } from './marking-maps.ts';
import type { MapKind, SharingAct, SubscriberSpec } from './sharing-acts.ts';
import type { Account, Item, Published } from './sharing-ledger.ts';
import {
  answerOf,
  eventGate,
  filterGate,
  isSlow,
  lateGate,
  rowGate,
  SharingLedger,
} from './sharing-ledger.ts';
import { createSchema, Gate } from './sharing-server.ts';
import type { Post } from './sharing-server.ts';

/** Where the events come from. */
export type Origin = 'broker' | 'broadcaster';

interface Context {
  readonly user: number;
}

interface Connection {
  readonly events: SocketEvents;
  readonly accounts: Map<string, Account>;
  isOpen: boolean;
  isStalled: boolean;
}

const connectionCount = 3;
const query = 'subscription { message { text owner } }';

/** Subscribers of one server that do what they are told, under the eyes of a ledger. */
export class SharingSimulation {
  readonly #ledger = new SharingLedger();
  readonly #clock = new VirtualClock();
  readonly #broker = createMemoryBroker({ now: () => 0 });
  readonly #topic = this.#broker.topic<Post>('posts');
  readonly #broadcaster = new Broadcaster<Post>({ now: () => 0 });
  readonly #origin: Origin;
  readonly #server: Server;
  readonly #connections: Connection[] = [];
  /** Made for the execution of an event for one alone: whatever is not among them belongs to nobody. */
  readonly #contexts = new WeakMap<object, Context>();

  constructor(origin: Origin) {
    this.#origin = origin;
    const text = pure((post: Post, _args: unknown, context: unknown) =>
      this.#ledger.watch(() => this.#execute(post, context)),
    );
    this.#server = createServer({
      schema: createSchema(this.#topic, {
        Message: { text },
        Subscription: {
          message: {
            subscribe: (_root: unknown, _args: unknown, context: unknown) => this.#open(context),
          },
        },
      }),
      broker: this.#broker,
      clock: this.#clock,
      onInternalError: () => {}, // filters that fail
      context: ({ operation }) => ({ user: operation.extensions?.['user'] }),
      eventContext: (context) => {
        const made = { ...(context as Context) }; // as made above
        this.#contexts.set(made, made);
        return made;
      },
    });
    for (let i = 0; i < connectionCount; i += 1) this.#connections.push(this.#connect());
  }

  /** Does one after the other, lets everything go on, and resolves with what is left once everybody has gone. */
  async play(acts: readonly SharingAct[]): Promise<Leftovers> {
    await this.#clock.settle();
    for (const act of acts) await this.#do(act);
    await this.#settle();
    while (this.#ledger.closedGates.length > 0) {
      for (const gate of this.#ledger.closedGates) this.#ledger.openGate(gate);
      await this.#settle();
    }
    this.#ledger.assertComplete();
    for (const connection of this.#connections) this.#disconnect(connection);
    await this.#clock.settle();
    const { groups, subscribers } = this.#server.sharing();
    return { ...this.#server.gauges(), groups, subscribers, readerCount: this.#readerCount };
  }

  async #do(act: SharingAct): Promise<void> {
    switch (act.kind) {
      case 'publish':
        if (!this.#ledger.hasEnded) this.#publish(this.#ledger.publish(act.event));
        return;
      case 'subscribe':
        return this.#subscribe(act.spec, act.which);
      case 'unsubscribe':
        return this.#unsubscribe(act.which);
      case 'open gate':
        return this.#openGate(act.which);
      case 'disconnect':
        return this.#reconnect(act.which);
      case 'stall':
        pick(this.#connections, act.which).isStalled = true;
        return;
      case 'end source':
        return this.#end(act.how);
      case 'settle':
        return this.#settle();
    }
  }

  #publish(event: Published): void {
    const post = this.#toPost(event);
    // what is accepted at once is not awaited, so that what comes next may come before anybody has read it
    if (this.#origin === 'broker') void this.#topic.publish(post);
    else this.#broadcaster.publish(post as Post); // functions are events, too
  }

  #toPost({ n, kind }: Published): Post | ((context: unknown) => Post) {
    switch (kind) {
      case 'plain':
      case 'slow':
        return { n };
      case 'own':
        return (context) => ({ n, owner: ownerOf({}, context) });
      case 'touching':
      case 'slow and touching':
        return { n, owner: ownerOf };
    }
  }

  #subscribe(spec: SubscriberSpec, which: number): void {
    const connection = pick(this.#connections, which);
    if (!connection.isOpen) return;
    const account = this.#ledger.subscribe(spec);
    const id = String(account.user);
    connection.accounts.set(id, account);
    const payload = { query, extensions: { user: account.user } };
    connection.events.message(JSON.stringify({ id, type: 'subscribe', payload }));
  }

  #unsubscribe(which: number): void {
    const running = this.#connections.flatMap((connection) =>
      [...connection.accounts].map(([id, account]) => ({ connection, id, account })),
    );
    if (running.length === 0) return;
    const { connection, id, account } = pick(running, which);
    connection.events.message(JSON.stringify({ id, type: 'complete' }));
    account.state = 'left';
    connection.accounts.delete(id);
  }

  #openGate(which: number): void {
    const gates = this.#ledger.closedGates;
    if (gates.length > 0) this.#ledger.openGate(pick(gates, which));
  }

  #reconnect(which: number): void {
    const index = which % this.#connections.length;
    this.#disconnect(pick(this.#connections, which));
    this.#connections[index] = this.#connect();
  }

  #disconnect(connection: Connection): void {
    if (!connection.isOpen) return;
    this.#forget(connection, 'left');
    connection.events.closed(1006, '');
  }

  #forget(connection: Connection, how: 'left' | 'cut'): void {
    connection.isOpen = false;
    for (const account of connection.accounts.values()) account.state = how;
    connection.accounts.clear();
  }

  async #end(how: 'complete' | 'fail'): Promise<void> {
    if (this.#ledger.hasEnded) return;
    await this.#settle(); // whoever is about to open it has opened it
    if (this.#origin === 'broker') {
      this.#ledger.end('closed');
      await this.#broker.close();
    } else if (how === 'fail') {
      this.#ledger.end('failed');
      this.#broadcaster.fail(new Error('the source failed'));
    } else {
      this.#ledger.end('completed');
      this.#broadcaster.complete();
    }
  }

  async #settle(): Promise<void> {
    await this.#clock.settle();
    this.#ledger.assertLive();
    assert.equal(this.#server.sharing().executions, this.#ledger.sharedExecutions);
    this.#assertReadersCounted();
    assert.equal(
      this.#server.gauges().operations,
      this.#connections.reduce((sum, { accounts }) => sum + accounts.size, 0),
    );
  }

  #assertReadersCounted(): void {
    // who has heard of the end reads no more, even if a filter keeps its last events waiting
    if (this.#ledger.hasEnded) return;
    const reading = this.#ledger.accounts.filter((account) => this.#ledger.isReading(account));
    assert.equal(this.#readerCount, reading.length, 'readers are not counted one by one');
  }

  get #readerCount(): number {
    return this.#origin === 'broker' ? this.#broker.readerCount : this.#broadcaster.subscriberCount;
  }

  #connect(): Connection {
    const socket: MessageSocket = {
      send: (frame) =>
        this.#ledger.watch(() => this.#receive(connection, JSON.parse(frame) as Received)),
      ping: () => {},
      close: () => {
        this.#forget(connection, 'cut');
        queueMicrotask(() => events.closed(1013, ''));
      },
      destroy: () => {},
      get bufferedBytes() {
        return connection.isStalled ? 10 ** 9 : 0;
      },
    };
    const events = this.#server.open(socket, {
      protocol: 'graphql-transport-ws',
      request: { method: 'GET', url: '/graphql', headers: {} },
    });
    const connection: Connection = { events, accounts: new Map(), isOpen: true, isStalled: false };
    events.message('{"type":"connection_init"}');
    return connection;
  }

  #receive(connection: Connection, { type, id = '', payload }: Received): void {
    if (type === 'connection_ack') return;
    const account = this.#ledger.accounts[Number(id)];
    assert(account, `${type} for nobody`);
    if (type === 'next') return this.#receiveResult(account, payload);
    this.#ledger.receive(account, type === 'complete' ? 'completed' : 'failed');
    account.state = 'left';
    connection.accounts.delete(id);
  }

  #receiveResult(account: Account, payload: Received['payload']): void {
    const message = payload?.data?.message;
    if (!message) return this.#ledger.receive(account, 'failed event');
    const [n = '', mark, execution] = message.text.split('/');
    assert.equal(mark, account.spec.map, 'the maps of others were applied');
    if (n.startsWith('row')) return this.#ledger.receive(account, n as Item); // as `#rows` writes them
    const kind = this.#ledger.published[Number(n)]?.kind ?? 'plain';
    const isPersonal = kind === 'own' || kind.endsWith('touching');
    assert.equal(message.owner, isPersonal ? String(account.user) : null, 'a wrong owner');
    this.#ledger.receive(account, Number(n), Number(execution));
  }

  /** The subscribe resolver. */
  async #open(context: unknown): Promise<TopicSource<Post>> {
    const account = this.#ledger.accounts[(context as Context).user]; // made for the operation
    assert(account);
    account.start = this.#ledger.published.length;
    const origin =
      this.#origin === 'broker'
        ? this.#topic.source()
        : (this.#broadcaster.source() as TopicSource<Post>); // the same class
    const source = this.#withSteps(origin, account);
    if (account.spec.isLate) await this.#pass(lateGate(account));
    return source;
  }

  #withSteps(origin: TopicSource<Post>, account: Account): TopicSource<Post> {
    const { filter, map, hasSnapshot } = account.spec;
    const filtered =
      filter === 'none' ? origin : origin.filter((post) => this.#filter(account, numberOf(post)));
    const mapped = withMap(filtered, map);
    return hasSnapshot ? mapped.startWith(() => this.#rows(account)) : mapped;
  }

  #filter(account: Account, n: number): unknown {
    this.#ledger.watch(() => {
      assert.equal(account.state, 'alive', `${account.user} left, and its filter is asked`);
    });
    const { spec } = account;
    const answer = (): boolean => {
      const verdict = answerOf(spec, n);
      if (verdict === 'fails') throw new Error('the filter failed');
      return verdict === 'passes';
    };
    if (spec.filter === 'even, later') return Promise.resolve().then(answer);
    if (!spec.filter.endsWith('gated')) return answer();
    return this.#pass(filterGate(account, n)).then(answer);
  }

  async *#rows(account: Account): AsyncGenerator<Post> {
    const mark = account.spec.map;
    yield { n: 'row 1', mark };
    await this.#pass(rowGate(account));
    yield { n: 'row 2', mark };
  }

  /** The resolver of `text`. */
  #execute(post: Post, context: unknown): string | Promise<string> {
    const mark = markOf(post);
    const n = post['n'];
    if (typeof n !== 'number') return `${String(n)}/${mark}/`;
    const user = this.#contexts.get(context as object)?.user ?? 'all'; // looking it up does not touch it
    const { id } = this.#ledger.execute(n, mark, user);
    const text = `${n}/${mark}/${id}`;
    const kind = this.#ledger.published[n]?.kind ?? 'plain';
    return isSlow(kind) ? this.#pass(eventGate(n)).then(() => text) : text;
  }

  #pass(name: string): Promise<void> {
    return this.#ledger.pass(name, () => new Gate());
  }
}

/** Gauges of the server, its groups, and the readers of the origin. */
export interface Leftovers extends ServerGauges {
  readonly groups: number;
  readonly subscribers: number;
  readonly readerCount: number;
}

/** What the server sends. */
interface Received {
  readonly type: string;
  readonly id?: string;
  readonly payload?: {
    readonly data?: {
      readonly message: { readonly text: string; readonly owner: string | null } | null;
    };
  };
}

function ownerOf(_args: object, context: unknown): string {
  return String((context as Context).user); // that of an operation, or of one of its events
}

function markOf(post: Post): MapKind {
  return (post['mark'] ?? 'none') as MapKind; // the maps above set it
}

function numberOf(post: Post): number {
  return Number(post['n']);
}

function pick<Member>(members: readonly Member[], which: number): Member {
  const member = members[which % members.length];
  if (member === undefined) throw new Error('nothing to pick from');
  return member;
}
