import assert from 'node:assert/strict';

import type { EventKind, MapKind, SubscriberSpec } from './sharing-acts.ts';
import type { Gate } from './sharing-server.ts';

/** What a subscriber is sent, without what it looks like on the wire. */
export type Item = number | 'row 1' | 'row 2' | 'failed event' | 'completed' | 'failed';

/** A published event. */
export interface Published {
  readonly n: number;
  readonly kind: EventKind;
}

/** What a result says of its execution: its number, and for whom it was, if for one alone. */
export interface Execution {
  readonly id: number;
  readonly event: number;
  readonly plan: MapKind;
  readonly user: number | 'all';
}

/** One subscriber, by what it asked for and what it was sent. */
export interface Account {
  readonly user: number;
  readonly spec: SubscriberSpec;
  readonly items: Item[];
  /** By event: the shared executions whose results it was sent. */
  readonly shared: Map<number, number>;
  /** Number of the first event after its source was made; `undefined` until it is made. */
  start: number | undefined;
  /** `cut`: the server closed its connection, which it does while it delivers. */
  state: 'alive' | 'left' | 'cut';
  /** When it was last seen alive, in settlements. */
  aliveAt: number;
  /** Its source was not open when the source ended for good. */
  cannotOpen: boolean;
}

/**
 * Keeps account of a server whose subscriptions share, and tells the first thing that should not have been.
 *
 * @remarks
 * Its model knows nothing of groups: what a subscriber is due follows from its own source, filter and gates, and an execution is right if somebody wants
 * it and nobody has had another one.
 */
export class SharingLedger {
  readonly accounts: Account[] = [];
  readonly #log: Published[] = [];
  readonly #executions: Execution[] = [];
  /** Those that were opened are not removed. */
  readonly #gates = new Map<string, { readonly gate: Gate; isOpen: boolean }>();
  #end: 'completed' | 'failed' | 'closed' | undefined;
  #settlements = 0;
  /** What was thrown into the server would be lost there. */
  #violation: { readonly error: unknown } | undefined;

  get published(): readonly Published[] {
    return this.#log;
  }

  get hasEnded(): boolean {
    return this.#end !== undefined;
  }

  get sharedExecutions(): number {
    return this.#executions.filter(({ user }) => user === 'all').length;
  }

  publish(kind: EventKind): Published {
    const event = { n: this.#log.length, kind };
    this.#log.push(event);
    return event;
  }

  /** Nothing follows; from a source that is closed nobody who has not opened it can read any more. */
  end(how: 'completed' | 'failed' | 'closed'): void {
    this.#end = how;
    if (how !== 'closed') return;
    for (const account of this.accounts) account.cannotOpen = !this.isReading(account);
  }

  /** Runs what the server calls; what it throws is told by {@link SharingLedger.assertLive}. */
  watch<Result>(call: () => Result): Result {
    try {
      return call();
    } catch (error) {
      this.#violation ??= { error };
      throw error;
    }
  }

  subscribe(spec: SubscriberSpec): Account {
    const user = this.accounts.length;
    const account: Account = {
      user,
      spec,
      items: [],
      shared: new Map(),
      start: undefined,
      state: 'alive',
      aliveAt: this.#settlements,
      cannotOpen: this.#end === 'closed',
    };
    this.accounts.push(account);
    return account;
  }

  /** Waits at a gate, which is made when somebody first comes to it. */
  async pass(name: string, make: () => Gate): Promise<void> {
    const known = this.#gates.get(name);
    if (known) return known.gate.promise;
    const gate = make();
    this.#gates.set(name, { gate, isOpen: false });
    return gate.promise;
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

  /** An execution begins. */
  execute(event: number, plan: MapKind, user: number | 'all'): Execution {
    const execution = { id: this.#executions.length, event, plan, user };
    this.#executions.push(execution);
    const isWanted = this.accounts.some(
      (account) =>
        (user === 'all' || account.user === user) &&
        account.spec.map === plan &&
        this.#isThereFor(account, { plan, user }) &&
        this.#waitsFor(account, event),
    );
    assert(isWanted, `event ${event} is executed for nobody`);
    return execution;
  }

  receive(account: Account, item: Item, executionId?: number): void {
    const { user, items } = account;
    assert.equal(account.state, 'alive', `${user} was sent ${item} after it left`);
    assert.equal(this.#due(account)[items.length], item, `${user} was sent something else`);
    items.push(item);
    if (executionId === undefined) return;
    const execution = this.#executions[executionId];
    assert(execution, 'a result of no execution');
    if (execution.user !== 'all') {
      assert.equal(execution.user, user, `${user} was sent what was made for another`);
      return;
    }
    assert.equal(execution.event, item);
    account.shared.set(execution.event, executionId);
    this.#assertOneExecution(account, execution);
  }

  /** Everybody was sent what need not wait for anything. */
  assertLive(): void {
    // oxlint-disable-next-line typescript/only-throw-error -- as it was thrown
    if (this.#violation) throw this.#violation.error;
    this.#settlements += 1;
    for (const account of this.accounts) {
      if (account.state !== 'alive') continue;
      account.aliveAt = this.#settlements;
      const due = this.#dueNow(account);
      assert.deepEqual(
        account.items.slice(0, due.length),
        due,
        `${account.user} waits for something that is there`,
      );
    }
  }

  /** Everybody was sent all there is. */
  assertComplete(): void {
    for (const account of this.accounts) {
      if (account.state === 'alive') assert.deepEqual(account.items, this.#due(account));
    }
  }

  /** Whether its source is open. */
  isReading(account: Account): boolean {
    if (account.state !== 'alive' || account.start === undefined || account.cannotOpen)
      return false;
    return !account.spec.isLate || this.#isOpen(lateGate(account));
  }

  /** Whoever wanted an event may just have gone: while it was mapped, while the context for it alone was made, because others were delivered to. */
  #isThereFor(
    { state, aliveAt }: Account,
    { plan, user }: Pick<Execution, 'plan' | 'user'>,
  ): boolean {
    if (state === 'alive') return true;
    const takesTime = plan === 'marking later' || user !== 'all' || state === 'cut';
    return takesTime && aliveAt === this.#settlements;
  }

  #waitsFor(account: Account, event: number): boolean {
    const { start, items } = account;
    if (start === undefined || event < start || items.includes(event)) return false;
    if (filters(account) && this.#log[event]?.kind === 'own') return false;
    return this.#verdict(account, event) === 'passes';
  }

  /** Whoever is in the same group has had the same execution. A group is over with its source, though the filters of members may still be at work. */
  #assertOneExecution(account: Account, { event, id, plan }: Execution): void {
    if (this.#end) return;
    for (const other of this.accounts) {
      const had = other.shared.get(event);
      const isPeer = other !== account && other.state === 'alive' && other.spec.map === plan;
      assert(!isPeer || had === undefined || had === id, `event ${event} was executed twice`);
    }
  }

  /** All that a subscriber will have been sent when nothing waits any more. */
  #due(account: Account): readonly Item[] {
    if (account.cannotOpen) return ['failed'];
    const rows: readonly Item[] = account.spec.hasSnapshot ? ['row 1', 'row 2'] : [];
    if (account.start === undefined) return [];
    const events = this.#log.slice(account.start).flatMap(({ n }) => this.#itemOf(account, n));
    return [...rows, ...events, ...this.#ending];
  }

  /** The beginning of that which cannot be waiting for anything: a group may be held up by any event whose execution is slow. */
  #dueNow(account: Account): readonly Item[] {
    const { spec, start, cannotOpen } = account;
    const isLate = spec.isLate && !this.#isOpen(lateGate(account));
    if (start === undefined || cannotOpen || isLate) return [];
    if (spec.hasSnapshot && !this.#isOpen(rowGate(account))) return ['row 1'];
    const rows: readonly Item[] = spec.hasSnapshot ? ['row 1', 'row 2'] : [];
    const end = this.#log.find((event) => this.#mayHoldUp(account, event));
    const events = this.#log.slice(start, end?.n).flatMap(({ n }) => this.#itemOf(account, n));
    return [...rows, ...events, ...(end ? [] : this.#ending)];
  }

  #mayHoldUp(account: Account, { n, kind }: Published): boolean {
    if (isSlow(kind) && !this.#isOpen(eventGate(n))) return true;
    return n >= (account.start ?? 0) && this.#verdict(account, n) === 'waits';
  }

  get #ending(): readonly Item[] {
    if (this.#end === undefined) return [];
    return [this.#end === 'failed' ? 'failed' : 'completed'];
  }

  #itemOf(account: Account, n: number): readonly Item[] {
    if (filters(account) && this.#log[n]?.kind === 'own') return ['failed event'];
    const answer = answerOf(account.spec, n);
    if (answer === 'fails') return ['failed event'];
    return answer === 'passes' ? [n] : [];
  }

  #verdict(account: Account, n: number): 'passes' | 'drops' | 'fails' | 'waits' {
    const isOwn = this.#log[n]?.kind === 'own';
    const isGated = account.spec.filter.endsWith('gated') && !isOwn;
    if (isGated && !this.#isOpen(filterGate(account, n))) return 'waits';
    return answerOf(account.spec, n);
  }

  #isOpen(gate: string): boolean {
    return this.#gates.get(gate)?.isOpen === true;
  }
}

/** What the filter of a subscriber says of an event. */
export function answerOf(
  { filter }: Pick<SubscriberSpec, 'filter'>,
  n: number,
): 'passes' | 'drops' | 'fails' {
  switch (filter) {
    case 'none':
      return 'passes';
    case 'even':
    case 'even, later':
    case 'even, gated':
      return n % 2 === 0 ? 'passes' : 'drops';
    case 'fails':
    case 'fails, gated':
      return n % 3 === 0 ? 'fails' : 'passes';
  }
}

export function isSlow(kind: EventKind): boolean {
  return kind === 'slow' || kind === 'slow and touching';
}

function filters({ spec }: Account): boolean {
  return spec.filter !== 'none';
}

export const eventGate = (n: number): string => `execution of ${n}`;
export const filterGate = ({ user }: Account, n: number): string => `filter of ${user} for ${n}`;
export const lateGate = ({ user }: Account): string => `subscribe of ${user}`;
export const rowGate = ({ user }: Account): string => `row of ${user}`;
