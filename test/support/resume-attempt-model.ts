import assert from 'node:assert/strict';

import type { FormattedResult } from '../../src/vocabulary.ts';
import type { SubscriberSpec } from './resume-acts.ts';
import type { Delivery } from './resume-carriers.ts';
import { eventGate, filterGate, rowGate } from './resume-choices.ts';
import { answerOf } from './sharing-ledger.ts';
import type { Published, ResumeLogModel } from './resume-log-model.ts';
import type { Sight } from './resume-lifetime.ts';
import { toPreliminaries, toSaid } from './resume-report.ts';
import type { Outcome, Preliminary, Report } from './resume-report.ts';
import type { Place, ResumeTokenModel } from './resume-token-model.ts';

/** What an attempt is measured by: what happened around it. */
export interface Surroundings {
  /** Whether results of those who read slowly are dropped. */
  readonly drops: boolean;
  readonly log: ResumeLogModel;
  readonly tokens: ResumeTokenModel;
  readonly now: () => number;
  readonly isOpen: (gate: string) => boolean;
  /** An event came that says which execution made it. */
  readonly executed: (attempt: AttemptModel, event: Published, execution: number) => void;
}

/**
 * What one operation of one subscriber has to be sent, from its subscribe message to its end.
 *
 * @remarks
 * Knows nothing of groups, readers and batches: what is due follows from the instant when the log was opened, what the log held then, and the filter.
 */
export class AttemptModel {
  readonly id: number;
  readonly spec: SubscriberSpec;
  /** Which of all servers that there ever were. */
  readonly server: number;
  readonly token: string | undefined;
  readonly epoch: string;
  /** By event number: the executions whose results it was sent. */
  readonly executions = new Map<number, number>();
  readonly #around: Surroundings;
  #state: 'asked' | 'open' | 'over' = 'asked';
  #start = 0;
  #outcome: Outcome = { kind: 'fresh' };
  /** With what it ends at once. */
  #refusal: string | undefined;
  #preliminaries: Preliminary[] = [];
  /** Offset of the last event that was sent, or of whatever reading began behind. */
  #cursor = 0;
  /** Events that the log had when everything came to rest with it open for the first time. */
  settledAt: number | undefined;
  /** Its connection took nothing for a while. */
  #stalling: 'never' | 'now' | 'before' = 'never';
  /** It has had everything since the log had so many events; `undefined` while it catches up. */
  caughtUpAt: number | undefined;

  constructor(
    {
      id,
      spec,
      server,
      token,
    }: Pick<AttemptModel, 'id' | 'spec' | 'server'> & { readonly token: string | undefined },
    around: Surroundings,
  ) {
    this.id = id;
    this.spec = spec;
    this.server = server;
    this.token = token;
    this.epoch = around.log.epoch;
    this.#around = around;
  }

  get isOver(): boolean {
    return this.#state === 'over';
  }

  get isReading(): boolean {
    return this.#state === 'open';
  }

  /** It was sent everything, and nothing is on its way. */
  get isIdle(): boolean {
    const isHeld = this.#heldFrom() < Number.POSITIVE_INFINITY;
    return this.isReading && !isHeld && !this.#next();
  }

  /** Field and audience: what its tokens are about. */
  get subject(): string {
    const { field, team } = this.spec;
    return field === 'audience' ? `${field} of ${team}` : field;
  }

  /** The subscribe resolver made its source. */
  sourceMade(): void {
    this.#start = this.#around.log.head;
  }

  /** The log is opened, behind `after` if anything. Returns what a subscriber knows although no server says it. */
  logOpened(after: Place | undefined): Sight {
    const { log } = this.#around;
    log.open(this.#around.now());
    // whoever was overrun opens it again
    if (this.#state !== 'asked') return { kind: 'nothing' };
    const asked = this.#judgeToken();
    const place = typeof asked === 'object' ? asked : undefined;
    assert.deepEqual(after, place, 'the log is opened behind another position');
    this.#outcome = this.#toOutcome(asked);
    this.#cursor = this.#startOf(place);
    this.#state = 'open';
    this.#refusal = this.#refusalOf(place);
    this.#preliminaries = this.#refusal
      ? []
      : toPreliminaries(this.spec, this.#outcome, this.token);
    return { kind: this.spec.isOptedIn ? 'nothing' : this.#outcome.kind };
  }

  receive(delivery: Delivery): Sight {
    assert.notEqual(this.#state, 'over', `${this.id} was sent ${delivery.kind} after its end`);
    switch (delivery.kind) {
      case 'result':
        return this.#receiveResult(delivery);
      case 'position':
        return this.#receivePosition(delivery.id);
      case 'report':
        return this.#receiveReport(delivery.report as Report, delivery.id); // as the server has it
      case 'failed':
        return this.#fail(delivery.code);
      case 'completed':
        return assert.fail(`${this.id} was completed`);
      case 'cut':
        this.end();
        return { kind: 'nothing' };
    }
  }

  stalls(): void {
    this.#stalling = 'now';
  }

  flows(): void {
    if (this.#stalling === 'now') this.#stalling = 'before';
  }

  /** Nothing more is due: it left, or the connection is gone. */
  end(): void {
    this.#state = 'over';
  }

  /** What need not wait for anything was sent. */
  assertLive(): void {
    if (this.#state === 'over' || this.#stalling === 'now') return;
    assert.equal(this.#state, 'open', `${this.id} was not opened`);
    assert.equal(this.#refusal, undefined, `${this.id} did not fail`);
    const [preliminary] = this.#preliminaries;
    const waitsForRow = preliminary === 'row 2' && !this.#around.isOpen(rowGate(this.id));
    if (!waitsForRow) assert.equal(preliminary, undefined, `${this.id} waits for its beginning`);
    const next = this.#next();
    const isDue =
      !waitsForRow && !this.#mayMiss && next !== undefined && next.offset < this.#heldFrom();
    assert(!isDue, `${this.id} waits for event ${next?.n}`);
    this.#rest(waitsForRow);
  }

  #rest(waitsForRow: boolean): void {
    const { head } = this.#around.log;
    this.settledAt ??= head;
    if (!waitsForRow && this.isIdle) this.caughtUpAt ??= head;
  }

  /** All was sent, with nothing left to wait for. */
  assertComplete(): void {
    if (this.#state === 'over') return;
    assert.deepEqual(this.#preliminaries, [], `${this.id} never began`);
    if (!this.#mayMiss) assert.equal(this.#next(), undefined, `${this.id} misses events`);
  }

  /** Whether it wants an event that it has not been sent. */
  wants({ epoch, offset, n }: Published): boolean {
    const isAhead = this.#state !== 'asked' && epoch === this.epoch && offset > this.#cursor;
    return isAhead && answerOf(this.spec, n) !== 'drops';
  }

  #judgeToken(): ReturnType<ResumeTokenModel['judge']> | undefined {
    const { tokens, now } = this.#around;
    const isHeard = this.spec.isOptedIn || this.spec.carrier === 'sse';
    if (!isHeard || this.token === undefined) return undefined;
    return tokens.judge(this.token, this.subject, now());
  }

  #toOutcome(asked: ReturnType<ResumeTokenModel['judge']> | undefined): Outcome {
    if (asked === undefined) return { kind: 'fresh' };
    if (typeof asked === 'string') return { kind: 'gap', code: asked };
    return this.#around.log.canResume(asked)
      ? { kind: 'recovered' }
      : { kind: 'gap', code: 'RESUME_GAP' };
  }

  #refusalOf(place: Place | undefined): string | undefined {
    // a source that was made, and opened too late: whatever the token was
    if (!place && !this.#around.log.holdsAfter(this.#start)) return 'EVENTS_LOST';
    return this.#outcome.kind === 'gap' && this.#failsOnGap ? this.#outcome.code : undefined;
  }

  #startOf(place: Place | undefined): number {
    if (!place) return this.#start;
    return this.#outcome.kind === 'recovered' ? place.offset : this.#around.log.head;
  }

  #receiveResult({ result, id }: Extract<Delivery, { readonly kind: 'result' }>): Sight {
    const resume = result.extensions?.['resume'] as Report | undefined; // as the protocol has it
    if (!this.spec.isOptedIn)
      assert.equal(result.extensions, undefined, `${this.id} did not ask for extensions`);
    const isReport = resume !== undefined && !('data' in result) && !result.errors;
    if (isReport) return this.#receiveReport(resume, resume.token);
    const [preliminary] = this.#preliminaries;
    if (preliminary !== undefined) return this.#receiveRow(preliminary, result);
    const token = this.spec.isOptedIn ? resume?.token : id;
    return this.#receiveEvent(result, token);
  }

  #receiveReport({ recovered, reason, missing }: Report, token: string | undefined): Sight {
    const preliminary = this.#preliminaries.shift();
    if (preliminary === undefined && reason === 'EVENTS_DROPPED')
      return this.#receiveDrops(missing, token);
    const said = { recovered, reason };
    if (preliminary === undefined) return this.#receiveLiveGap(said, token);
    assert.match(preliminary, /^report/, `${this.id} was sent a report too early`);
    const isStart = preliminary === 'report';
    assert.deepEqual(said, toSaid(isStart ? this.#outcome : { kind: 'fresh' }));
    const isEarly = this.#preliminaries.includes('row 1');
    assert.equal(token === undefined, isEarly, 'a token before the end of a snapshot');
    const kind = isStart ? this.#outcome.kind : 'place';
    return token === undefined
      ? { kind }
      : { kind, place: this.#placeOf(token, this.#cursor).place, token };
  }

  /** It was overrun while it was live, and goes on from what was the head when that was found out. */
  #receiveLiveGap(said: object, token: string | undefined): Sight {
    const { log } = this.#around;
    assert.deepEqual(said, { recovered: false, reason: 'RESUME_GAP' });
    assert(!this.#failsOnGap, 'a gap did not fail');
    assert(this.#wasOverrun, `a gap after ${this.#cursor} though nothing is missing`);
    const { place, text } = this.#learn(token);
    const isHead = place.epoch === this.epoch && log.openings.has(place.offset);
    assert(isHead && place.offset >= this.#cursor, 'a gap does not go on from the head');
    this.#cursor = place.offset;
    this.caughtUpAt = undefined;
    if (this.spec.isOptedIn && this.spec.carrier === 'sse') this.#preliminaries = ['position'];
    return { kind: 'gap', place, token: text };
  }

  /** It read too slowly: exactly what it was not sent is announced. */
  #receiveDrops(missing: Report['missing'], token: string | undefined): Sight {
    assert(this.#around.drops && this.#stalling !== 'never', 'results of a reader were dropped');
    assert(this.spec.isOptedIn && missing, 'drops are announced to somebody else');
    assert.equal(missing.until, token, 'it goes on elsewhere than behind what was dropped');
    const { place: until, text } = this.#learn(missing.until);
    const first = this.#next()?.offset;
    assert.deepEqual(this.#learn(missing.from).place, { epoch: this.epoch, offset: first });
    const dropped = this.#due().filter(({ offset }) => offset <= until.offset);
    assert.equal(missing.events, dropped.length, 'another number of events was dropped');
    this.#cursor = until.offset;
    return { kind: 'gap', place: until, token: text };
  }

  #receivePosition(id: string): Sight {
    const preliminary = String(this.#preliminaries.shift());
    assert.match(preliminary, /^position/, `${this.id} was sent a position too early`);
    return { kind: 'place', place: this.#placeOf(id, this.#cursor).place, token: id };
  }

  #receiveRow(preliminary: Preliminary, { data, extensions }: FormattedResult): Sight {
    assert.equal(this.#textOf(data)?.split('/')[0], preliminary, `${this.id} was sent another row`);
    assert.equal(extensions, undefined, 'a row has a token');
    this.#preliminaries.shift();
    return { kind: 'nothing' };
  }

  #receiveEvent(result: FormattedResult, token: string | undefined): Sight {
    const text = this.#textOf(result.data);
    const next = this.#mayMiss ? this.#nextLike(text, token) : this.#next();
    assert(next, `${this.id} was sent ${text}, and nothing is due`);
    this.#cursor = next.offset;
    if (answerOf(this.spec, next.n) === 'fails') {
      assert(result.errors, `${this.id} was sent ${text}, and event ${next.n} fails`);
    } else this.#readText(next, text);
    this.#assertOwner(next, result.data);
    return this.#sightOf(next, token);
  }

  #readText(event: Published, text: string | undefined): void {
    const [n, mark, execution] = text?.split('/') ?? [];
    assert.equal(n, String(event.n), `${this.id} was sent another event`);
    assert.equal(mark, this.spec.map, 'the maps of others were applied');
    this.executions.set(event.n, Number(execution));
    this.#around.executed(this, event, Number(execution));
  }

  #assertOwner({ kind, n }: Published, data: FormattedResult['data']): void {
    const { field, team } = this.spec;
    if (kind !== 'touching' || answerOf(this.spec, n) === 'fails') return;
    const allowed = [String(this.id), ...(field === 'audience' ? [team] : [])];
    const owner = String(memberOf(data, field)?.['owner']);
    assert(allowed.includes(owner), `${this.id} was sent what is ${owner}'s`);
  }

  #sightOf(event: Published, token: string | undefined): Sight {
    const { epoch, offset, at } = event;
    const comesBack = this.spec.isOptedIn || this.spec.carrier === 'sse';
    if (!comesBack) return { kind: 'event', place: { epoch, offset } };
    assert(token !== undefined, `event ${event.n} has no token`);
    const { place, since } = this.#placeOf(token, offset);
    assert.equal(since, Math.floor(at / 1_000) * 1_000, 'a token is not dated by its event');
    return { kind: 'event', place, token };
  }

  #placeOf(token: string, offset: number): ReturnType<ResumeTokenModel['learn']> {
    const known = this.#learn(token);
    const { epoch } = this;
    assert.deepEqual(known.place, { epoch, offset }, 'a token says something else');
    return known;
  }

  #fail(code: unknown): Sight {
    this.#state = 'over';
    if (this.#refusal) {
      assert.equal(code, this.#refusal);
      return { kind: 'nothing' };
    }
    assert(this.#wasOverrun, `${this.id} failed with ${String(code)}`);
    const isReported = this.spec.isOptedIn || (this.spec.carrier === 'sse' && this.token);
    assert(!isReported || this.#failsOnGap, `${this.id} was not told what is missing`);
    assert.equal(code, isReported ? 'RESUME_GAP' : 'EVENTS_LOST');
    return { kind: 'nothing' };
  }

  #learn(token: string | undefined): ReturnType<ResumeTokenModel['learn']> {
    assert(token !== undefined, `${this.id} has nothing to come back with`);
    return this.#around.tokens.learn(token, this.subject);
  }

  /** Events left the log before they were read. A group is overrun as a whole, also if some of it were not there yet when those events came. */
  get #wasOverrun(): boolean {
    return !this.#around.log.holdsAfter(this.spec.field === 'own' ? this.#cursor : 0);
  }

  /** Whether results may be missing without a word. */
  get #mayMiss(): boolean {
    return this.#around.drops && this.#stalling !== 'never' && !this.spec.isOptedIn;
  }

  get #failsOnGap(): boolean {
    return this.spec.isOptedIn && this.spec.failsOnGap;
  }

  /** The next event that is due. */
  #next(): Published | undefined {
    return this.#due()[0];
  }

  /** The next one that can be what was sent. Failures are all alike, and only a token tells them apart. */
  #nextLike(text: string | undefined, token: string | undefined): Published | undefined {
    const { spec } = this;
    const at = token === undefined ? undefined : this.#learn(token).place.offset;
    return this.#due().find(({ n, offset }) =>
      text === undefined
        ? answerOf(spec, n) === 'fails' && (at ?? offset) === offset
        : text.startsWith(`${n}/`),
    );
  }

  #due(): readonly Published[] {
    const { published, epoch } = this.#around.log;
    if (this.#state !== 'open' || this.epoch !== epoch) return [];
    return published.slice(this.#cursor).filter(({ n }) => answerOf(this.spec, n) !== 'drops');
  }

  /** From this offset on events may be waiting: whoever executes an event that is slow holds up all who share with it. */
  #heldFrom(): number {
    const { isOpen, log } = this.#around;
    const isGated = this.spec.filter === 'even, gated';
    const holding = log.published.find(
      ({ n, kind, offset }) =>
        (kind === 'slow' && !isOpen(eventGate(n))) ||
        (isGated && offset > this.#cursor && !isOpen(filterGate(this.id, n))),
    );
    return holding?.offset ?? Number.POSITIVE_INFINITY;
  }

  #textOf(data: FormattedResult['data']): string | undefined {
    const text = memberOf(data, this.spec.field)?.['text'];
    return typeof text === 'string' ? text : undefined;
  }
}

function memberOf(
  data: FormattedResult['data'],
  name: string,
): Readonly<Record<string, unknown>> | undefined {
  // as the schema has it
  return (data as Readonly<Record<string, Readonly<Record<string, unknown>>>> | null | undefined)?.[
    name
  ];
}
