import type { ResolvedSubscription } from '../../execution/index.ts';
import type { Instant } from '../../vocabulary.ts';
import type { ServerCore } from '../core.ts';
import type { ResumeSubject } from '../resume/resume-subject.ts';
import { ExecutionGroup } from './execution-group.ts';
import type { ExecutionGroupOptions } from './execution-group.ts';
import { GroupExecutor } from './group-executor.ts';
import { PlanMap } from './plan-map.ts';
import { ReadyGroups } from './ready-groups.ts';
import { ResultMemory } from './result-memory.ts';
import type { GroupPlan } from './share-plan.ts';
import type { SharedMap } from './shared-event.ts';
import { SharedResults } from './shared-results.ts';
import type { SharingReport } from './sharing-report.ts';
import { toReasons, toSharedGroup } from './sharing-report.ts';

/** What the sharing of one server has counted since it began. */
export interface SharingCounts {
  /** Executions of an event for a group. */
  executions: number;
  /** Executions of an event of a group for one subscriber, because it would have seen whose context it is. */
  personalExecutions: number;
}

/** Groups that a report lists, the largest first. */
const reportedGroups = 100;
/** Reasons that are told apart; those of a schema are far fewer. */
const maximumReasons = 100;

/** Plans without a group whose results are kept for those who come back. */
const idlePlans = 1_000;
/** How long they are; as long as a log keeps its events by default. */
const idleMs = 120_000;

/** The groups of one server. */
export class Sharing {
  readonly counts: SharingCounts = { executions: 0, personalExecutions: 0 };
  readonly #memory: ResultMemory;
  /** By the key of their plans, which is the same for few. */
  readonly #groups = new PlanMap<ExecutionGroup>(({ results }) => results.plan);
  /** Of plans without a group. */
  readonly #idleResults = new PlanMap<SharedResults>(({ plan }) => plan);
  /** Since when they have none, the first of them first. */
  readonly #idleSince = new Map<SharedResults, Instant>();
  readonly #notShared = new Map<string, number>();
  readonly #ready = new ReadyGroups();
  #plans = 0;

  /** @param resultBytes - estimated size of results that are kept for those who come back */
  constructor(resultBytes: number) {
    this.#memory = new ResultMemory(resultBytes);
  }

  find(plan: GroupPlan): ExecutionGroup | undefined {
    return this.#groups.find(plan);
  }

  /** What the events of a plan become, whether it has a group or not. */
  resultsOf(core: ServerCore, plan: GroupPlan, start: ResultsStart): SharedResults {
    const known = this.find(plan)?.results ?? this.#idleResults.find(plan);
    if (known) return known;
    const { resolved, maps, subject } = start;
    const executor = new GroupExecutor({ core, resolved, audience: plan.audience });
    const memory = this.#memory;
    this.#plans += 1;
    const results = new SharedResults({ plan, executor, maps, subject, memory, name: this.#plans });
    this.#retire(results, core.clock.now());
    return results;
  }

  /** Makes the group of a plan that has none, which reads from `firstIndex` on. It has to be run once its first member joined. */
  create(core: ServerCore, known: SharedResults, start: GroupStart): ExecutionGroup {
    const { clock, flusher } = core;
    // whoever reads a snapshot for long may have others than those who came later
    const results = this.#idleResults.find(known.plan) ?? known;
    this.#take(results);
    const group = new ExecutionGroup({
      ...start,
      results,
      clock,
      turns: flusher,
      ready: this.#ready,
      onClosed: () => {
        this.#groups.remove(group);
        if (results.isRemembering) this.#retire(results, clock.now());
      },
    });
    this.#groups.add(group);
    return group;
  }

  /** Counts a subscription that executes its events for itself. */
  countNotShared(reason: string): void {
    const isKnown = this.#notShared.has(reason);
    const name = isKnown || this.#notShared.size < maximumReasons ? reason : 'other reasons';
    this.#notShared.set(name, (this.#notShared.get(name) ?? 0) + 1);
  }

  report(): SharingReport {
    const groups = [...this.#groups.values()].map(toSharedGroup);
    const largest = groups.toSorted((one, other) => other.subscribers - one.subscribers);
    return {
      ...this.counts,
      groups: groups.length,
      subscribers: groups.reduce((sum, { subscribers }) => sum + subscribers, 0),
      largestGroups: largest.slice(0, reportedGroups),
      notShared: toReasons(this.#notShared),
    };
  }

  /** No group needs them for the moment. */
  #retire(results: SharedResults, now: Instant): void {
    this.#idleResults.add(results);
    this.#idleSince.set(results, now);
    for (const [idle, since] of this.#idleSince) {
      if (this.#idleSince.size <= idlePlans && now - since < idleMs) return;
      this.#take(idle);
    }
  }

  #take(results: SharedResults): void {
    this.#idleSince.delete(results);
    this.#idleResults.remove(results);
  }
}

/** What a plan's results begin with. */
export interface ResultsStart {
  readonly resolved: ResolvedSubscription;
  readonly maps: readonly SharedMap[];
  readonly subject: ResumeSubject | undefined;
}

/** What a group begins with. */
export type GroupStart = Pick<ExecutionGroupOptions, 'log' | 'reader' | 'firstIndex' | 'position'>;
