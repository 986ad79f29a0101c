import type { ExecutionResult } from 'graphql';

import type { EntryReader, SourceEntry } from '../broker/entry-reader.ts';
import type { SourceStep } from '../broker/source-steps.ts';
import { applySteps } from '../broker/source-steps.ts';
import type { SharableSource } from '../broker/sharable-source.ts';
import { isSharable } from '../broker/sharable-source.ts';
import { SteppedProducer, createSnapshotReader } from '../broker/stepped-producer.ts';
import type {
  Closable,
  EventExecutor,
  ExecutionInput,
  Refused,
  ResolvedSubscription,
  StartedSubscription,
} from '../execution/index.ts';
import { createSourceReader } from '../stream/source-reader.ts';
import type { SourceItem, SourceReader } from '../stream/source.ts';
import type { FormattedError, Instant, OperationRequest } from '../vocabulary.ts';
import type { Admitted } from './admission.ts';
import type { ServerCore } from './core.ts';
import { eventContextFor } from './event-context.ts';
import type { OperationRun } from './operation-run.ts';
import type { GapCode, ResumeOutcome, ResumeRequest } from './resume/resume-attempt.ts';
import { ResumeAttempt, toReport } from './resume/resume-attempt.ts';
import type { ResumeMark } from './resume/resume-subject.ts';
import { ResumeSubject } from './resume/resume-subject.ts';
import { GroupMember } from './sharing/group-member.ts';
import { filtersOf, mapsOf } from './sharing/member-filters.ts';
import type { GroupStart } from './sharing/sharing.ts';
import type { SharePlan } from './sharing/share-plan.ts';
import { decideSharing } from './sharing/share-plan.ts';
import { extensionsOf } from './subscription-field.ts';

/** A subscription that was admitted. */
export interface AdmittedSubscription extends Admitted {
  readonly variables: OperationRequest['variables'];
  readonly resume: ResumeRequest;
}

/** After so many events in a row the event loop gets a turn, so that a busy source starves nobody. */
const eventsPerTurn = 64;

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
  /** What its resume tokens are about; `undefined` where nobody can resume. */
  #subject: ResumeSubject | undefined;

  constructor(core: ServerCore, run: OperationRun, admitted: AdmittedSubscription) {
    const { context, variables } = admitted;
    this.#core = core;
    this.#run = run;
    this.#admitted = admitted;
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
    const { source, group } = plan;
    const { audience } = group;
    this.#subject = this.#subjectOf(
      resolved,
      source,
      audience.kind === 'named' ? audience.name : undefined,
    );
    const opened = await this.#open(source, resolved);
    if (!opened) return;
    const { reader, steps } = opened;
    if (reader.nextIndex === undefined) {
      this.#core.sharing.countNotShared('its broker does not number what it reads');
      return this.#pumpAlone(
        createSourceReader(new SteppedProducer(reader, steps)),
        resolved.detach(),
      );
    }
    const outcome = await this.#approach(opened, plan, resolved);
    if (outcome === 'left') await reader.close();
  }

  /** Along its own source: that of the resolver, or its log for a client that wants to resume. */
  async #runForItself(resolved: ResolvedSubscription): Promise<void> {
    const { stream } = resolved;
    if (isSharable(stream)) this.#subject = this.#subjectOf(resolved, stream, undefined);
    if (!isSharable(stream) || !this.#canComeBack) {
      return this.#runAlone(await resolved.start(), resolved);
    }
    const opened = await this.#open(stream, resolved);
    if (!opened) return undefined;
    const reader = createSourceReader(new SteppedProducer(opened.reader, opened.steps));
    return this.#pumpAlone(reader, resolved.detach());
  }

  #subjectOf(
    { field }: ResolvedSubscription,
    { identity }: SharableSource,
    audience: string | undefined,
  ): ResumeSubject | undefined {
    const { resumeTokens } = this.#core;
    return resumeTokens && new ResumeSubject(resumeTokens, field.name, identity, audience);
  }

  get #canComeBack(): boolean {
    const isWanted = this.#admitted.resume.isOptedIn || this.#run.saysPositions;
    return this.#subject !== undefined && isWanted;
  }

  /** `undefined` for a client that cannot come back. */
  #attempt(): ResumeAttempt | undefined {
    const subject = this.#canComeBack ? this.#subject : undefined;
    return subject && new ResumeAttempt(this.#admitted.resume, subject);
  }

  /** Opens the log where the client wants to go on, and tells it what came of that; `undefined` if there is nothing more to do. */
  async #open(
    source: SharableSource,
    resolved: ResolvedSubscription,
  ): Promise<OpenedLog | undefined> {
    const attempt = this.#attempt();
    const opened = await resolved.open(() => source.openLog(attempt?.position));
    if (opened.kind === 'refused') {
      this.#refuse(opened);
      return undefined;
    }
    const { reader } = opened;
    const outcome = attempt?.judge(reader) ?? fresh;
    if (outcome.kind === 'gap' && attempt?.failsOnGap === true) {
      this.#run.fail([gapError(outcome.code)]);
    }
    if (this.#run.hasEnded) {
      await reader.close();
      return undefined;
    }
    this.#closesWith(reader);
    this.#run.started(extensionsOf(resolved.field).slowConsumer);
    const steps = stepsAfter(outcome, source);
    if (!attempt) return { reader, steps };
    const mark = attempt.startOf(outcome, reader, source);
    // whoever is cut off while it reads a snapshot has to read that again, so until then it gets nothing to come back with
    const isEarly = steps.some(({ kind }) => kind === 'start-with');
    const { isOptedIn } = attempt;
    this.#tellStart({ isOptedIn, mark: isEarly ? undefined : mark }, toReport(outcome));
    return { reader, steps, ...(isEarly && { start: { isOptedIn, mark } }) };
  }

  /** Tells a client where it can come back to, each in its own way. */
  #tellStart({ isOptedIn, mark }: ResumeStart, report = {}): void {
    const token = mark?.token;
    if (isOptedIn) this.#run.resumes({ ...report, ...(token !== undefined && { token }) });
    if (mark) this.#run.positioned(mark);
  }

  /** To the group by way of its own snapshot, and of the events that the group has had already. */
  async #approach(
    { reader, steps, start }: OpenedLog,
    plan: SharePlan,
    resolved: ResolvedSubscription,
  ): Promise<'joined' | 'left'> {
    const { group: wanted } = plan;
    const snapshot = createSnapshotReader(steps);
    if (snapshot) {
      this.#closesWith(both(snapshot, reader));
      if ((await this.#pump(snapshot, resolved.detach())) === 'operation') return 'left';
      if (start) this.#tellStart(start);
    }
    while (!this.#run.hasEnded) {
      const from = reader.nextIndex ?? 0;
      const group = this.#core.sharing.find(wanted);
      if (group === undefined || group.nextIndex <= from) {
        const maps = mapsOf(steps);
        this.#join(plan, { resolved, reader, firstIndex: from, maps, subject: this.#subject });
        return 'joined';
      }
      const batch = await this.#read(reader);
      if (batch === 'failed') return 'left';
      if (batch === undefined) this.#run.complete();
      else await this.#deliverAll(batch, steps, resolved.detach());
    }
    return 'left';
  }

  /** Nothing may come between the look at the group and this. */
  #join(plan: SharePlan, start: GroupStart): void {
    const { sharing } = this.#core;
    const run = this.#run;
    const { reader, firstIndex } = start;
    const known = sharing.find(plan.group);
    const group = known ?? sharing.create(this.#core, plan.group, start);
    const member = new GroupMember(run, filtersOf(plan.source.steps), { group, firstIndex });
    group.join(member, reader);
    run.stopsWith(member);
    run.settle();
    if (!known) void group.run(); // never rejects
  }

  async #deliverAll(
    batch: readonly SourceEntry[],
    steps: readonly SourceStep[],
    executor: EventExecutor,
  ): Promise<void> {
    for (const { event, position, publishedAt } of batch) {
      if (this.#run.hasEnded) return;
      const item = await applySteps(steps, event, position);
      if (item !== undefined && !this.#run.hasEnded) {
        await this.#deliver(item, executor, publishedAt);
      }
    }
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
      const end = await this.#pump(source, executor, pace);
      if (end === 'source') this.#run.complete();
    } finally {
      await source.close();
    }
  }

  /** Delivers everything until the source or the operation ends, and says which. A source that fails ends the operation. */
  async #pump(
    source: SourceReader<unknown>,
    executor: EventExecutor,
    pace: StartedSubscription['pace'] = 'live',
  ): Promise<'source' | 'operation'> {
    for (let events = 1; ; events += 1) {
      const item = await this.#read(source);
      if (this.#run.hasEnded || item === 'failed') return 'operation';
      if (item === undefined) return 'source';
      await this.#deliver(item, executor);
      if (pace === 'pull' && !this.#run.hasEnded) await this.#run.room();
      if (events % eventsPerTurn === 0) await this.#core.clock.turn();
    }
  }

  async #read<Item>(source: { read(): Promise<Item> }): Promise<Item | 'failed'> {
    try {
      return await source.read();
    } catch (error) {
      if (!this.#run.hasEnded)
        this.#run.fail([this.#core.masking.error(error, 'source', 'SOURCE_FAILED')]);
      return 'failed';
    }
  }

  async #deliver(
    item: SourceItem<unknown>,
    executor: EventExecutor,
    publishedAt?: Instant,
  ): Promise<void> {
    const result =
      item.kind === 'event'
        ? await this.#execute(item.event, executor)
        : executor.failEvent(item.error);
    if (this.#run.hasEnded) return;
    const mark = item.position && this.#subject?.mark(item.position, publishedAt);
    await this.#run.deliverOwn(this.#core.masking.result(result), mark);
  }

  async #execute(event: unknown, executor: EventExecutor): Promise<ExecutionResult> {
    try {
      return await executor.execute(
        event,
        await eventContextFor(this.#core, this.#admitted.context),
      );
    } catch (error) {
      return executor.failEvent(error);
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

/** Where reading began, for a client that can come back. */
interface ResumeStart {
  readonly isOptedIn: boolean;
  readonly mark: ResumeMark | undefined;
}

/** A log that was opened, and what its events go through. */
interface OpenedLog {
  readonly reader: EntryReader;
  readonly steps: readonly SourceStep[];
  /** Where its client can come back to once the snapshot is read; absent if it knows that already, or does not want to. */
  readonly start?: ResumeStart;
}

const fresh: ResumeOutcome = { kind: 'fresh' };

/** Whoever has seen the state and everything since needs no snapshot. */
function stepsAfter(outcome: ResumeOutcome, { steps }: SharableSource): readonly SourceStep[] {
  return outcome.kind === 'recovered' ? steps.filter(({ kind }) => kind !== 'start-with') : steps;
}

function gapError(code: GapCode): FormattedError {
  return { message: 'The subscription cannot go on where it stopped.', extensions: { code } };
}

function both(one: Closable, other: Closable): Closable {
  return {
    close: async () => {
      await Promise.all([one.close(), other.close()]);
    },
  };
}
