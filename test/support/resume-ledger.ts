import assert from 'node:assert/strict';

import type { Instant } from '../../src/vocabulary.ts';
import type { EventKind, SubscriberSpec } from './resume-acts.ts';
import { AttemptModel } from './resume-attempt-model.ts';
import type { Surroundings } from './resume-attempt-model.ts';
import type { Delivery } from './resume-carriers.ts';
import { answerOf } from './sharing-ledger.ts';
import { assertLifetime, canComeBack, lastToken } from './resume-lifetime.ts';
import type { Sight } from './resume-lifetime.ts';
import { ResumeLogModel } from './resume-log-model.ts';
import type { Published, Retention } from './resume-log-model.ts';
import type { Beneficiary } from './resume-servers.ts';
import { ResumeTokenModel } from './resume-token-model.ts';
import type { Place } from './resume-token-model.ts';
import { Gate } from './sharing-server.ts';

/** One subscriber, over all its connections. */
export interface Account {
  readonly spec: SubscriberSpec;
  /** All that it saw: what was lost on its way is not among it. */
  readonly sights: Sight[];
  /** What it brought along. */
  readonly brought: string | undefined;
  state: 'connected' | 'away' | 'over';
}

/** One execution of an event. */
export interface Execution {
  readonly id: number;
  readonly n: number;
  /** Those for whom it may be: which server, field, audience and maps. */
  readonly plan: string;
  readonly beneficiary: Beneficiary;
  /** Until then its result is kept, because somebody may come back for it. */
  readonly keptUntil: Instant;
  readonly at: Instant;
}

/** What the ledger is told of the world. */
export interface LedgerOptions {
  readonly retention: Retention;
  readonly tokenMaxAgeMs: number;
  readonly now: () => number;
  readonly drops: boolean;
}

/** Keeps account of servers over one broker and of subscribers that come and go, and tells the first thing that should not have been. */
export class ResumeLedger implements Surroundings {
  readonly accounts: Account[] = [];
  readonly attempts: AttemptModel[] = [];
  readonly tokens: ResumeTokenModel;
  readonly now: () => number;
  readonly drops: boolean;
  log: ResumeLogModel;
  readonly #retention: Retention;
  /** Of all logs. */
  readonly #published: Published[] = [];
  readonly #executions: Execution[] = [];
  /** Those that were opened are not removed. */
  readonly #gates = new Map<string, { readonly gate: Gate; isOpen: boolean }>();
  /** What was thrown into a server would be lost there. */
  #violation: { readonly error: unknown } | undefined;
  #logs = 0;
  /** Attempts that ended since everything last came to rest. */
  readonly #leaving = new Set<AttemptModel>();

  constructor({ retention, tokenMaxAgeMs, now, drops }: LedgerOptions) {
    this.drops = drops;
    this.#retention = retention;
    this.now = now;
    this.tokens = new ResumeTokenModel(tokenMaxAgeMs);
    this.log = this.beginLog();
  }

  /** Another broker: whatever was published before is gone. */
  beginLog(): ResumeLogModel {
    this.#logs += 1;
    this.log = new ResumeLogModel(`epoch ${this.#logs}`, this.#retention);
    return this.log;
  }

  /** Number of the next event. */
  get next(): number {
    return this.#published.length;
  }

  publish(kind: EventKind, event: unknown): void {
    this.#published.push(this.log.append({ n: this.next, kind, at: this.now() }, event));
  }

  /** Runs what servers call; what it throws is told by {@link ResumeLedger.assertLive}. */
  watch<Result>(call: () => Result): Result {
    try {
      return call();
    } catch (error) {
      this.#violation ??= { error };
      throw error;
    }
  }

  /** The same for calls whose outcome nobody waits for. */
  observe(call: () => void): void {
    try {
      call();
    } catch (error) {
      this.#violation ??= { error };
    }
  }

  arrive(spec: SubscriberSpec, brought: string | undefined): Account {
    const account: Account = { spec, sights: [], brought, state: 'away' };
    this.accounts.push(account);
    return account;
  }

  /** With which token a subscriber comes back. */
  tokenOf({ spec, sights, brought }: Account): string | undefined {
    return canComeBack(spec) ? (lastToken(sights) ?? brought) : undefined;
  }

  attempt(account: Account, server: number): AttemptModel {
    const token = this.tokenOf(account);
    const attempt = new AttemptModel(
      { id: this.attempts.length, spec: account.spec, server, token },
      this,
    );
    this.attempts.push(attempt);
    account.state = 'connected';
    return attempt;
  }

  /** An attempt hears no more; what is on its way to its subscriber is another question. */
  leave(attempt: AttemptModel): void {
    attempt.end();
    this.#leaving.add(attempt);
  }

  receive(attempt: AttemptModel, delivery: Delivery): Sight {
    const sight = attempt.receive(delivery);
    if (attempt.isOver) this.#leaving.add(attempt);
    return sight;
  }

  /** Waits at a gate, which is made when somebody first comes to it. */
  async pass(name: string): Promise<void> {
    const known = this.#gates.get(name) ?? { gate: new Gate(), isOpen: false };
    this.#gates.set(name, known);
    return known.gate.promise;
  }

  /** Gates at which somebody waits. */
  get closedGates(): readonly string[] {
    return [...this.#gates].filter(([, { isOpen }]) => !isOpen).map(([name]) => name);
  }

  openGate(name: string): void {
    const known = this.#gates.get(name);
    if (!known) return;
    known.isOpen = true;
    known.gate.open();
  }

  readonly isOpen = (gate: string): boolean => this.#gates.get(gate)?.isOpen === true;

  kindOf(n: number): EventKind {
    return this.#published[n]?.kind ?? 'plain';
  }

  /** An execution begins. */
  execute(n: number, plan: string, beneficiary: Beneficiary): Execution {
    const isKept = this.attempts.some(
      (attempt) =>
        planOf(attempt) === plan && attempt.settledAt !== undefined && canComeBack(attempt.spec),
    );
    // an event that touches the context may have those that are executed beside it executed for each
    const isTouched = this.log.published.some(({ kind }) => kind === 'touching');
    const keptUntil = isKept && !isTouched ? this.now() + keptMs : 0;
    const execution = {
      id: this.#executions.length,
      n,
      plan,
      beneficiary,
      keptUntil,
      at: this.now(),
    };
    this.#executions.push(execution);
    const event = this.#published[n];
    assert(event, 'an event that was never published is executed');
    const isWanted = this.attempts.some(
      (attempt) =>
        (beneficiary === 'all' || beneficiary === attempt.id) &&
        planOf(attempt) === plan &&
        (attempt.isReading || this.#leaving.has(attempt)) &&
        attempt.wants(event),
    );
    assert(isWanted, `event ${n} is executed for nobody`);
    return execution;
  }

  /** An attempt was sent the result of an execution: those who were there before the event all get the same one. */
  readonly executed = (attempt: AttemptModel, event: Published, id: number): void => {
    const execution = this.#executions[id];
    assert(execution?.n === event.n, 'a result of another execution');
    assert.equal(execution.plan, planOf(attempt), 'a result of another plan');
    if (execution.beneficiary !== 'all') {
      assert.equal(execution.beneficiary, attempt.id, 'a result that was made for another');
      return;
    }
    for (const other of this.attempts) {
      const had = other.executions.get(event.n);
      const areEqual = planOf(other) === planOf(attempt) && wasThere(other, event);
      assert(
        !areEqual ||
          !wasThere(attempt, event) ||
          had === undefined ||
          !this.#isShared(had) ||
          had === id,
        `event ${event.n} was executed twice`,
      );
    }
  };

  /** Everybody was sent what need not wait for anything. */
  assertLive(): void {
    // oxlint-disable-next-line typescript/only-throw-error -- as it was thrown
    if (this.#violation) throw this.#violation.error;
    this.#leaving.clear();
    for (const attempt of this.attempts) attempt.assertLive();
  }

  /** Everybody was sent all there is. */
  assertComplete(): void {
    for (const attempt of this.attempts) attempt.assertComplete();
  }

  /** Everything that anybody saw hangs together, and no more was executed for it than needed. */
  assertLifetimes(): void {
    for (const { spec, sights, brought } of this.accounts) {
      const isTold = spec.isOptedIn || !this.drops;
      if (!canComeBack(spec) || !isTold) continue;
      const due = this.#published.filter(({ n }) => answerOf(spec, n) !== 'drops');
      assertLifetime({ sights, origin: this.#placeOf(brought), due });
    }
    this.#assertFewExecutions();
  }

  #placeOf(token: string | undefined): Place | undefined {
    return this.tokens.all.find(({ text }) => text === token)?.place;
  }

  #isShared(id: number): boolean {
    return this.#executions[id]?.beneficiary === 'all';
  }

  /** For all who were there when an event came one execution is enough, and for those who come back as well; others who catch up may need one of their own. */
  #assertFewExecutions(): void {
    const executions = new Map<string, Execution[]>();
    for (const each of this.#executions) {
      const name = `${each.plan} ${each.n} ${each.beneficiary}`;
      executions.set(name, [...(executions.get(name) ?? []), each]);
    }
    for (const [first, ...others] of executions.values()) {
      const event = first && this.#published[first.n];
      if (!first || !event) continue;
      const isForAll = first.beneficiary === 'all';
      const most = isForAll ? this.#mostExecutions(first.plan, event) : 1;
      assert(others.length < most, `event ${event.n} was executed ${1 + others.length} times`);
      const again = others.find(({ at }) => at < first.keptUntil);
      const isExcused = this.#mayHaveWaitedUnkept(first.plan, event);
      assert(!isForAll || !again || isExcused, `event ${event.n} was executed again`);
    }
  }

  /** Whether the filter of somebody who was there may have held the event since before anybody was who can come back: nothing was kept then. */
  #mayHaveWaitedUnkept(plan: string, event: Published): boolean {
    const mates = this.attempts.filter((attempt) => planOf(attempt) === plan);
    const isKeptFor = ({ spec, epoch, settledAt = event.offset }: AttemptModel): boolean =>
      canComeBack(spec) && epoch === event.epoch && settledAt < event.offset;
    const mayWait = (attempt: AttemptModel): boolean =>
      attempt.spec.filter === 'even, gated' && wasThere(attempt, event);
    return mates.some(mayWait) && !mates.some(isKeptFor);
  }

  #mostExecutions(plan: string, event: Published): number {
    const interested = this.attempts.filter(
      (attempt) =>
        planOf(attempt) === plan &&
        attempt.epoch === event.epoch &&
        answerOf(attempt.spec, event.n) === 'passes',
    );
    const late = interested.filter((attempt) => !wasThere(attempt, event)).length;
    return late + (late < interested.length ? 1 : 0);
  }
}

/** A server keeps results of those who have gone for so long. */
const keptMs = 100_000;

/** Whether it had had everything before `event`, and waited for it. */
function wasThere({ caughtUpAt, epoch }: AttemptModel, event: Published): boolean {
  return epoch === event.epoch && caughtUpAt !== undefined && caughtUpAt < event.offset;
}

/** What those who share an execution have in common. */
export function planOf({ server, subject, spec }: AttemptModel): string {
  return `${subject} ${spec.map} ${server}`;
}
