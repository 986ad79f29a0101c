import type { EntryReader, SourceEntry } from '../broker/entry-reader.ts';
import type { SourceStep } from '../broker/source-steps.ts';
import { applySteps } from '../broker/source-steps.ts';
import type { SharableSource } from '../broker/sharable-source.ts';
import { isSharable } from '../broker/sharable-source.ts';
import { createSnapshotReader } from '../broker/stepped-producer.ts';
import type {
  Closable,
  EventExecutor,
  ExecutionInput,
  Refused,
  ResolvedSubscription,
  StartedSubscription,
} from '../execution/index.ts';
import { SourceError } from '../errors.ts';
import type { SourceReader } from '../stream/source.ts';
import type { OperationRequest } from '../vocabulary.ts';
import type { Admitted } from './admission.ts';
import type { ServerCore } from './core.ts';
import { LogFollower } from './log-follower.ts';
import type { Delivery, OpenLog } from './log-follower.ts';
import type { OperationRun } from './operation-run.ts';
import { OwnDelivery } from './own-delivery.ts';
import type { ResultText } from './result-text.ts';
import { openWhenAvailable } from './resume/reopen.ts';
import type { ResumeOutcome, ResumeRequest } from './resume/resume-attempt.ts';
import { ResumeAttempt, gapError, startOf, toReport } from './resume/resume-attempt.ts';
import type { ResumeMark } from './resume/resume-subject.ts';
import { ResumeSubject } from './resume/resume-subject.ts';
import { GroupMember } from './sharing/group-member.ts';
import { filtersOf, judge, mapsOf } from './sharing/member-filters.ts';
import type { MemberFilter, Verdict } from './sharing/member-filters.ts';
import type { SharePlan } from './sharing/share-plan.ts';
import { decideSharing } from './sharing/share-plan.ts';
import type { SharedEvent } from './sharing/shared-event.ts';
import type { SharedResults } from './sharing/shared-results.ts';
import { extensionsOf } from './subscription-field.ts';

/** A subscription that was admitted. */
export interface AdmittedSubscription extends Admitted {
  readonly variables: OperationRequest['variables'];
  readonly resume: ResumeRequest;
}

/**
 * The way of a subscription to its events: into a group where others get the same, otherwise along its own source to the end.
 *
 * @remarks
 * Lives no longer than `start()`: whoever waits in a group is a {@link GroupMember} and an {@link OperationRun}.
 */
export class SubscriptionRun {
  readonly #core: ServerCore;
  readonly #run: OperationRun;
  readonly #admitted: AdmittedSubscription;
  readonly #input: ExecutionInput;
  readonly #controller = new AbortController();
  readonly #own: OwnDelivery;

  constructor(core: ServerCore, run: OperationRun, admitted: AdmittedSubscription) {
    const { context, variables } = admitted;
    this.#core = core;
    this.#run = run;
    this.#admitted = admitted;
    this.#own = new OwnDelivery(core, run, context);
    this.#input = { context, ...(variables && { variables }), signal: this.#controller.signal };
    run.stopsWith({ stop: () => this.#controller.abort() });
  }

  async start(): Promise<void> {
    const { engine } = this.#core;
    const { prepared } = this.#admitted;
    // an engine that cannot say which source it found cannot share it either
    if (!engine.resolveSource) return this.#runAlone(await engine.subscribe(prepared, this.#input));
    const resolved = await engine.resolveSource(prepared, this.#input);
    if (resolved.kind === 'refused') return this.#refuse(resolved);
    const decision = this.#decide(resolved);
    if (decision.kind === 'shared') return this.#runShared(decision, resolved);
    this.#core.sharing.countNotShared(decision.reason);
    return this.#runForItself(resolved);
  }

  #decide(resolved: ResolvedSubscription): ReturnType<typeof decideSharing> {
    const { prepared, context, variables } = this.#admitted;
    return decideSharing(this.#core, { prepared, resolved, context, variables });
  }

  async #runShared(plan: SharePlan, resolved: ResolvedSubscription): Promise<void> {
    const { source, group: wanted } = plan;
    const { audience } = wanted;
    const name = audience.kind === 'named' ? audience.name : undefined;
    const opened = await this.#open(source, resolved, this.#subjectOf(resolved, source, name));
    if (!opened) return;
    if (opened.reader.nextIndex === undefined) {
      this.#core.sharing.countNotShared('its broker does not number what it reads');
      return this.#followAlone(opened, resolved);
    }
    const { sharing } = this.#core;
    const { subject } = opened;
    const results = sharing.resultsOf(this.#core, wanted, {
      resolved,
      maps: mapsOf(source.steps),
      subject,
    });
    if (this.#canComeBack(subject)) results.remember();
    const follower = this.#follower(opened);
    if (!(await this.#begin(opened, follower, resolved))) return follower.close();
    const filters = filtersOf(opened.steps);
    const hasJoined = await follower.follow(
      (entry) => this.#replay(entry, results, filters),
      () => this.#tryToJoin(follower, { source, results, filters }),
    );
    if (!hasJoined) await follower.close();
  }

  /** Along its own source: that of the resolver, or its log for a client that can come back. */
  async #runForItself(resolved: ResolvedSubscription): Promise<void> {
    const { stream } = resolved;
    const subject = isSharable(stream) ? this.#subjectOf(resolved, stream) : undefined;
    if (!isSharable(stream) || !this.#canComeBack(subject)) {
      return this.#runAlone(await resolved.start(), resolved);
    }
    const opened = await this.#open(stream, resolved, subject);
    if (opened) await this.#followAlone(opened, resolved);
  }

  async #followAlone(opened: OpenedLog, resolved: ResolvedSubscription): Promise<void> {
    const follower = this.#follower(opened);
    const executor = resolved.detach();
    if (!(await this.#begin(opened, follower, resolved))) return follower.close();
    await follower.follow((entry) => this.#deliverEntry(entry, opened, executor));
    await follower.close();
  }

  #follower(opened: OpenedLog): LogFollower {
    const follower = new LogFollower(this.#core, this.#run, opened);
    this.#closesWith(follower);
    return follower;
  }

  /** @param audience - the name of it; `undefined` for everybody, or for whoever shares with nobody */
  #subjectOf(
    { field }: ResolvedSubscription,
    { identity }: SharableSource,
    audience?: string,
  ): ResumeSubject | undefined {
    const { resumeTokens } = this.#core;
    return resumeTokens && new ResumeSubject(resumeTokens, field.name, identity, audience);
  }

  #canComeBack(subject: ResumeSubject | undefined): boolean {
    return subject !== undefined && (this.#admitted.resume.isOptedIn || this.#run.saysPositions);
  }

  /** Opens the log where the client wants to go on, and tells it what came of that; `undefined` if there is nothing more to do. */
  async #open(
    source: SharableSource,
    resolved: ResolvedSubscription,
    subject: ResumeSubject | undefined,
  ): Promise<OpenedLog | undefined> {
    const { resume } = this.#admitted;
    const attempt =
      subject && this.#canComeBack(subject) ? new ResumeAttempt(resume, subject) : undefined;
    const opened = await resolved.open(() => this.#openLog(source, attempt));
    if (opened.kind === 'refused') {
      this.#refuse(opened);
      return undefined;
    }
    const { reader } = opened;
    const outcome = attempt?.judge(reader) ?? fresh;
    if (outcome.kind === 'gap' && resume.failsOnGap) this.#run.fail([gapError(outcome.code)]);
    if (this.#run.hasEnded) {
      await reader.close();
      return undefined;
    }
    this.#closesWith(reader);
    this.#run.started(extensionsOf(resolved.field).slowConsumer);
    const position = startOf(outcome, reader, { asked: attempt?.position, source });
    const steps = stepsAfter(outcome, source);
    const log = { source, reader, position, subject, steps };
    return { ...log, start: attempt && this.#tellStart(attempt, outcome, log) };
  }

  /** Tells a client that can come back what came of that; returns where to, unless it knows that already. */
  #tellStart(
    attempt: ResumeAttempt,
    outcome: ResumeOutcome,
    { position, subject, steps }: Omit<OpenedLog, 'start'>,
  ): ResumeMark | undefined {
    if (attempt.isReported) this.#run.resumes(attempt.request);
    const start = position && subject?.mark(position);
    // whoever is cut off while it reads a snapshot has to read that again, so until then it gets nothing to come back with
    const isEarly = steps.some(({ kind }) => kind === 'start-with');
    this.#run.positioned(isEarly ? undefined : start, toReport(outcome));
    return isEarly ? start : undefined;
  }

  /** Clients that can come back stay while the broker is away; others are told. */
  async #openLog(source: SharableSource, attempt: ResumeAttempt | undefined): Promise<EntryReader> {
    if (!attempt) return source.log.open();
    const reader = await openWhenAvailable(
      () => source.log.open(attempt.position),
      () => !this.#run.hasEnded,
      this.#core.clock,
    );
    if (reader) return reader;
    throw new SourceError('BROKER_UNAVAILABLE', 'nobody waits for the broker any more');
  }

  /** Reads its snapshot, if it needs one; false if the operation ended over that. */
  async #begin(
    { steps, start }: OpenedLog,
    follower: LogFollower,
    resolved: ResolvedSubscription,
  ): Promise<boolean> {
    const snapshot = createSnapshotReader(steps);
    if (!snapshot) return true;
    this.#closesWith(both(snapshot, follower));
    const end = await this.#own.pump(snapshot, resolved.detach());
    if (end === 'source' && start) this.#run.positioned(start);
    this.#closesWith(follower);
    return end === 'source';
  }

  /** An event that others of its plan had, or will have. */
  async #replay(
    entry: SourceEntry,
    results: SharedResults,
    filters: readonly MemberFilter[],
  ): Promise<Delivery> {
    const event = results.at(entry);
    const verdict = await judge(filters, event);
    // nothing is executed for somebody who left meanwhile
    if (verdict.kind === 'dropped' || this.#run.hasEnded) return 'passed';
    const result = await this.#resultOf(event, verdict, results);
    if (result) {
      result.mark = event.mark;
      this.#run.deliver(result);
    }
    return 'delivered';
  }

  /** `undefined` if it left meanwhile. */
  async #resultOf(
    event: SharedEvent,
    verdict: Verdict,
    results: SharedResults,
  ): Promise<ResultText | undefined> {
    const { executor } = results;
    if (verdict.kind === 'failed') return executor.fail(verdict.error);
    if (!results.isRemembering) return this.#executeAlone(event, results);
    const outcome = await event.outcome();
    if (outcome.kind === 'shared') return outcome.result;
    if (this.#run.hasEnded) return undefined;
    return executor.executeFor(this.#admitted.context, outcome.value);
  }

  async #executeAlone(
    event: SharedEvent,
    { executor, maps }: SharedResults,
  ): Promise<ResultText | undefined> {
    const value = await event.valueAfter(maps.length);
    if (this.#run.hasEnded) return undefined;
    return value.kind === 'known'
      ? executor.executeAlone(this.#admitted.context, value.value)
      : executor.fail(value.error);
  }

  /** Joins its group unless that is ahead; makes it if there is none. */
  #tryToJoin(
    { reader, nextIndex, position }: LogFollower,
    { source, results, filters }: JoinedGroup,
  ): boolean {
    const { sharing } = this.#core;
    const run = this.#run;
    const known = sharing.find(results.plan);
    if (known && known.nextIndex > nextIndex) return false;
    const start = { log: source.log, reader, firstIndex: nextIndex, position };
    const group = known ?? sharing.create(this.#core, results, start);
    const member = new GroupMember(run, filters, { group, firstIndex: nextIndex });
    group.join(member, reader);
    run.stopsWith(member);
    run.settle();
    if (!known) group.run();
    return true;
  }

  async #deliverEntry(
    { event, position, publishedAt }: SourceEntry,
    { steps, subject }: OpenedLog,
    executor: EventExecutor,
  ): Promise<Delivery> {
    const item = await applySteps(steps, event, position);
    if (item === undefined) return 'passed';
    if (!this.#run.hasEnded) {
      await this.#own.deliver(item, executor, position && subject?.mark(position, publishedAt));
    }
    return 'delivered';
  }

  async #runAlone(
    started: StartedSubscription | Refused,
    resolved?: ResolvedSubscription,
  ): Promise<void> {
    if (started.kind === 'refused') return this.#refuse(started);
    const { source, pace } = started;
    if (this.#run.hasEnded) return source.close();
    this.#closesWith(source);
    this.#run.started(resolved && extensionsOf(resolved.field).slowConsumer);
    return this.#pumpAlone(source, started, pace);
  }

  async #pumpAlone(
    source: SourceReader<unknown>,
    executor: EventExecutor,
    pace?: StartedSubscription['pace'],
  ): Promise<void> {
    this.#closesWith(source);
    try {
      const end = await this.#own.pump(source, executor, pace);
      if (end === 'source') this.#run.complete();
    } finally {
      await source.close();
    }
  }

  #closesWith(source: Closable): void {
    this.#run.stopsWith({
      stop: () => {
        this.#controller.abort();
        void source.close(); // it never rejects
      },
    });
  }

  #refuse({ errors, code }: Refused): void {
    this.#run.fail(errors.map((error) => this.#core.masking.error(error, 'subscribe', code)));
  }
}

/** A log that was opened, and what its events go through. */
interface OpenedLog extends OpenLog {
  readonly steps: readonly SourceStep[];
  /** Where its client can come back to once the snapshot is read; `undefined` if it knows that already, or does not want to. */
  readonly start: ResumeMark | undefined;
}

/** What a member brings along for its group. */
interface JoinedGroup {
  readonly source: SharableSource;
  readonly results: SharedResults;
  readonly filters: readonly MemberFilter[];
}

const fresh: ResumeOutcome = { kind: 'fresh' };

/** Whoever has seen the state and everything since needs no snapshot. */
function stepsAfter(outcome: ResumeOutcome, { steps }: SharableSource): readonly SourceStep[] {
  return outcome.kind === 'recovered' ? steps.filter(({ kind }) => kind !== 'start-with') : steps;
}

function both(one: Closable, other: Closable): Closable {
  return {
    close: async () => {
      await Promise.all([one.close(), other.close()]);
    },
  };
}
