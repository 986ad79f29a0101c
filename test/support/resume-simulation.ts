import assert from 'node:assert/strict';

import type { TopicSource } from 'millrace/broker';
import { createMemoryBroker } from 'millrace/broker/memory';
import type { MemoryBroker } from 'millrace/broker/memory';
import type { Server, ServerGauges, SlowConsumerPolicy } from 'millrace/server';

import type { SharableSource } from '../../src/broker/sharable-source.ts';
import type { Position } from '../../src/vocabulary.ts';
import type { Bringing, EventKind, ResumeAct } from './resume-acts.ts';
import { eventGate, filterGate, rowGate } from './resume-choices.ts';
import { answerOf } from './sharing-ledger.ts';
import type { AttemptModel } from './resume-attempt-model.ts';
import { carry } from './resume-carriers.ts';
import type { Carrier, Delivery } from './resume-carriers.ts';
import { RestingClock } from './resume-clock.ts';
import type { Sight } from './resume-lifetime.ts';
import { ResumeLedger } from './resume-ledger.ts';
import type { Account } from './resume-ledger.ts';
import type { Retention } from './resume-log-model.ts';
import { createResumeServer, ownerOf } from './resume-servers.ts';
import { withMap } from './marking-maps.ts';
import type { ExecutedPost, Post } from './resume-servers.ts';

/** What may differ between worlds. */
export interface ResumeWorld {
  readonly retention: Retention;
  readonly policy: SlowConsumerPolicy;
}

interface Running {
  /** Which of all servers that there ever were. */
  readonly id: number;
  readonly server: Server;
}

/** A subscriber's operation on its connection. */
interface Visit {
  readonly account: Account;
  readonly attempt: AttemptModel;
  readonly carrier: Carrier;
  /** What its subscriber saw, or will see if nothing gets lost. */
  readonly sights: Sight[];
  /** How many of them were there when its connection stalled. */
  stalledAt: number | undefined;
}

const serverCount = 2;
const key = 'r';

/** Servers over one broker, and subscribers that come, are cut off and come back, under the eyes of a ledger. */
export class ResumeSimulation {
  readonly #clock = new RestingClock();
  readonly #world: ResumeWorld;
  readonly #ledger: ResumeLedger;
  #broker: MemoryBroker;
  readonly #servers: Running[] = [];
  /** All that there ever were. */
  readonly #retired: Server[] = [];
  readonly #brokers: MemoryBroker[] = [];
  readonly #visits = new Set<Visit>();

  constructor(world: ResumeWorld) {
    this.#world = world;
    this.#ledger = new ResumeLedger({
      retention: world.retention,
      tokenMaxAgeMs,
      now: () => this.#clock.now(),
      drops: world.policy !== 'disconnect' && world.policy !== 'block',
    });
    this.#broker = this.#createBroker();
    for (let i = 0; i < serverCount; i += 1) this.#servers.push(this.#createServer());
  }

  /** Does one after the other, lets everybody come back and go on, and resolves with what is left once everybody has gone. */
  async play(acts: readonly ResumeAct[]): Promise<ResumeLeftovers> {
    for (const act of acts) await this.#do(act);
    await this.#finish();
    const away = this.#ledger.accounts.filter(({ state }) => state === 'away');
    for (const [which, account] of away.entries()) this.#connect(account, which);
    await this.#finish();
    for (const visit of this.#visits) this.#leave(visit, { state: 'over', lost: 0 });
    this.#ledger.assertLifetimes();
    await this.#clock.settle();
    return this.#leftovers();
  }

  async #do(act: ResumeAct): Promise<void> {
    switch (act.kind) {
      case 'publish':
        return this.#publish(act.events);
      case 'subscribe':
        return this.#connect(this.#ledger.arrive(act.spec, this.#bring(act.bringing)), act.which);
      case 'come back':
        return this.#comeBack(act.which, act.server);
      case 'open gate':
        return this.#openGate(act.which);
      case 'wait':
        await this.#clock.advance(act.ms);
        return this.#settle();
      case 'replace':
        return this.#replace(act.which, act.how);
      case 'restart':
        return this.#restart();
      case 'unsubscribe':
      case 'cut':
      case 'stall':
      case 'release':
        return this.#disturb(act);
    }
  }

  /** Something happens to one connection. */
  #disturb(act: Disturbance): void {
    const visit = pick([...this.#visits], act.which);
    if (!visit) return;
    switch (act.kind) {
      case 'unsubscribe':
        return this.#leave(visit, { state: 'over', lost: 0 }, () => visit.carrier.stop());
      case 'cut':
        return this.#leave(visit, { state: 'away', lost: act.lost });
      case 'stall':
        return this.#stall(visit);
      case 'release':
        return this.#release(visit);
    }
  }

  #stall(visit: Visit): void {
    visit.stalledAt ??= visit.sights.length;
    visit.attempt.stalls();
    visit.carrier.stall();
  }

  #release(visit: Visit): void {
    visit.stalledAt = undefined;
    visit.attempt.flows();
    visit.carrier.release();
  }

  #publish(kinds: readonly EventKind[]): void {
    const posts = kinds.map((kind) => {
      const post: Post = {
        n: this.#ledger.next,
        ...(kind === 'large' && { pad: 'x'.repeat(1_000) }),
        ...(kind === 'touching' && { owner: ownerOf }),
      };
      this.#ledger.publish(kind, post);
      return post;
    });
    // what is accepted at once is not awaited, so that what comes next may come before anybody has read it
    void this.#broker.publishMany('posts', key, posts);
  }

  #bring(bringing: Bringing): string | undefined {
    if (bringing.kind === 'nothing') return undefined;
    const text = pick(this.#ledger.tokens.all, bringing.which)?.text;
    if (text === undefined || bringing.kind === 'token of somebody') return text;
    const at = bringing.at % text.length;
    return `${text.slice(0, at)}${text[at] === 'x' ? 'y' : 'x'}${text.slice(at + 1)}`;
  }

  #comeBack(which: number, server: number): void {
    const away = this.#ledger.accounts.filter(({ state }) => state === 'away');
    const account = pick(away, which);
    if (account) this.#connect(account, server);
  }

  #connect(account: Account, which: number): void {
    const running = pick(this.#servers, which);
    if (!running) return;
    const attempt = this.#ledger.attempt(account, running.id);
    const { spec, token } = attempt;
    const resume = { ...(token !== undefined && { token }), ...(spec.failsOnGap && onGap) };
    const operation = {
      query: `subscription { ${spec.field} { text owner } }`,
      extensions: {
        subscriber: { attempt: attempt.id, team: spec.team },
        ...(spec.isOptedIn && { resume }),
      },
    };
    const lastEventId = spec.isOptedIn ? undefined : token;
    const hear = (delivery: Delivery): void =>
      this.#ledger.observe(() => this.#hear(visit, delivery));
    const carrier = carry(spec.carrier, running.server, { operation, lastEventId }, hear);
    const visit: Visit = { account, attempt, carrier, sights: [], stalledAt: undefined };
    this.#visits.add(visit);
  }

  #hear(visit: Visit, delivery: Delivery): void {
    // a server that closes does so whatever became of the operation
    if (visit.attempt.isOver && delivery.kind === 'cut') return;
    visit.sights.push(this.#ledger.receive(visit.attempt, delivery));
    if (delivery.kind === 'cut') this.#leave(visit, { state: 'away', lost: 0 });
    // a peer leaves later, never from inside send()
    else if (visit.attempt.isOver)
      queueMicrotask(() => this.#leave(visit, { state: 'over', lost: 0 }));
  }

  #leave(
    visit: Visit,
    { state, lost }: { readonly state: Account['state']; readonly lost: number },
    go = (): void => visit.carrier.vanish(),
  ): void {
    const { account, attempt, sights, stalledAt = sights.length } = visit;
    if (!this.#visits.delete(visit)) return;
    account.sights.push(...sights.slice(0, Math.max(0, Math.min(stalledAt, sights.length - lost))));
    account.state = state;
    this.#ledger.leave(attempt);
    go();
  }

  #openGate(which: number): void {
    const gate = pick(this.#ledger.closedGates, which);
    if (gate !== undefined) this.#ledger.openGate(gate);
  }

  #replace(which: number, how: 'drain' | 'close'): void {
    const index = which % serverCount;
    const server = this.#servers[index]?.server;
    if (how === 'close') void server?.close();
    else void server?.drain({ windowMs: 100, random: () => 0.5 });
    this.#servers[index] = this.#createServer();
  }

  async #restart(): Promise<void> {
    for (const server of this.#retired) void server.close();
    await this.#clock.settle();
    const { size } = this.#visits;
    assert.equal(size, 0, 'a server that is closed keeps connections');
    await this.#broker.close();
    this.#ledger.beginLog();
    this.#broker = this.#createBroker();
    for (const index of this.#servers.keys()) this.#servers[index] = this.#createServer();
  }

  /** Lets everything go on that can, until nobody waits for anything. */
  async #finish(): Promise<void> {
    for (const visit of this.#visits) this.#release(visit);
    await this.#clock.advance(1_000); // drains end
    await this.#settle();
    while (this.#ledger.closedGates.length > 0) {
      for (const gate of this.#ledger.closedGates) this.#ledger.openGate(gate);
      await this.#settle();
    }
    this.#ledger.assertComplete();
  }

  async #settle(): Promise<void> {
    await this.#clock.settle();
    this.#ledger.assertLive();
    const operations = sum(this.#retired.map((server) => server.gauges().operations));
    // what ends an operation may wait for a connection that takes nothing
    const stalled = [...this.#visits].filter(({ stalledAt }) => stalledAt !== undefined).length;
    assert(operations <= this.#visits.size, 'an operation is left');
    assert(operations >= this.#visits.size - stalled, 'an operation is missing');
    const { attempts } = this.#ledger;
    const { readerCount } = this.#broker;
    assert(readerCount <= attempts.filter(({ isReading }) => isReading).length, 'a reader is left');
    // whoever is held up by a filter may wait for the rest of a log that was lost
    assert(readerCount >= attempts.filter(({ isIdle }) => isIdle).length, 'a reader is missing');
  }

  #leftovers(): ResumeLeftovers {
    const gauges = this.#retired.map((server) => server.gauges());
    const groups = this.#retired.map((server) => server.sharing().groups);
    return {
      connections: sum(gauges.map(({ connections }) => connections)),
      operations: sum(gauges.map(({ operations }) => operations)),
      deadlines: sum(gauges.map(({ deadlines }) => deadlines)),
      readers: sum(this.#brokers.map(({ readerCount }) => readerCount)),
      groups: sum(groups),
      timers: this.#clock.timerCount,
    };
  }

  #createBroker(): MemoryBroker {
    const { epoch } = this.#ledger.log;
    const now = (): number => this.#clock.now();
    const broker = createMemoryBroker({ ...this.#world.retention, epoch, now });
    this.#brokers.push(broker);
    return broker;
  }

  #createServer(): Running {
    const topic = this.#broker.topic<Post>('posts');
    const id = this.#retired.length;
    const server = createResumeServer({
      broker: this.#broker,
      clock: this.#clock,
      policy: this.#world.policy,
      tokenMaxAgeMs,
      open: (attempt) => this.#open(attempt, topic.source(key)),
      execute: (executed) => this.#ledger.watch(() => this.#execute(id, executed)),
    });
    this.#retired.push(server);
    return { id, server };
  }

  /** The subscribe resolver. */
  #open(id: number, origin: TopicSource<Post>): TopicSource<Post> {
    const attempt = this.#ledger.attempts[id];
    assert(attempt);
    attempt.sourceMade();
    const { filter, map, hasSnapshot } = attempt.spec;
    const filtered =
      filter === 'none' ? origin : origin.filter((post) => this.#filter(attempt, Number(post.n)));
    const mapped = withMap(filtered, map);
    const source = hasSnapshot ? mapped.startWith(() => this.#rows(attempt)) : mapped;
    return this.#watchOpening(source, attempt);
  }

  /** Tells the ledger of the instant when the log is opened: what is due depends on that alone. */
  #watchOpening(source: TopicSource<Post>, attempt: AttemptModel): TopicSource<Post> {
    const opened = (after: Position | undefined): void =>
      this.#ledger.observe(() => {
        const place = after && { epoch: after.epoch, offset: Number(after.offset) };
        const sight = attempt.logOpened(place);
        // a group goes on reading in the name of whoever began
        [...this.#visits].find((visit) => visit.attempt === attempt)?.sights.push(sight);
      });
    // sources of topics are
    const sharable = source as TopicSource<Post> & SharableSource;
    const { log } = sharable;
    const open = sharable.open.bind(source);
    const watched = {
      open: (after?: Position) => {
        opened(after);
        return log.open(after);
      },
    };
    return Object.defineProperties(sharable, {
      log: { value: watched },
      open: {
        value: () => {
          opened(undefined);
          return open();
        },
      },
    });
  }

  #filter(attempt: AttemptModel, n: number): unknown {
    const { spec, id } = attempt;
    const answer = (): boolean => {
      const verdict = answerOf(spec, n);
      if (verdict === 'fails') throw new Error('the filter failed');
      return verdict === 'passes';
    };
    if (spec.filter === 'even, later') return Promise.resolve().then(answer);
    return spec.filter === 'even, gated'
      ? this.#ledger.pass(filterGate(id, n)).then(answer)
      : answer();
  }

  async *#rows({ id, spec }: AttemptModel): AsyncGenerator<Post> {
    yield { n: 'row 1', mark: spec.map };
    await this.#ledger.pass(rowGate(id));
    yield { n: 'row 2', mark: spec.map };
  }

  /** The resolver of `text`. */
  #execute(
    server: number,
    { field, post, beneficiary, team }: ExecutedPost,
  ): string | Promise<string> {
    const { n, mark = 'none' } = post;
    if (typeof n === 'string') return `${n}/${mark}/`;
    const subject = team === '' ? field : `${field} of ${team}`;
    const { id } = this.#ledger.execute(n, `${subject} ${mark} ${server}`, beneficiary);
    const text = `${n}/${mark}/${id}`;
    const isSlow = this.#ledger.kindOf(n) === 'slow';
    return isSlow ? this.#ledger.pass(eventGate(n)).then(() => text) : text;
  }
}

/** What is left of servers and brokers. */
export interface ResumeLeftovers extends ServerGauges {
  readonly groups: number;
  readonly timers: number;
}

type Disturbance = Extract<ResumeAct, { kind: 'unsubscribe' | 'cut' | 'stall' | 'release' }>;

const tokenMaxAgeMs = 20_000;
const onGap = { onGap: 'fail' };

function sum(numbers: readonly number[]): number {
  return numbers.reduce((one, two) => one + two, 0);
}

function pick<Member>(members: readonly Member[], which: number): Member | undefined {
  return members[which % members.length];
}
