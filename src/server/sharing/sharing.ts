import type { EntryReader } from '../../broker/entry-reader.ts';
import type { ResolvedSubscription } from '../../execution/index.ts';
import type { ServerCore } from '../core.ts';
import type { ResumeSubject } from '../resume/resume-subject.ts';
import { ExecutionGroup } from './execution-group.ts';
import { GroupExecutor } from './group-executor.ts';
import type { GroupPlan } from './share-plan.ts';
import { isSamePlan } from './share-plan.ts';
import type { SharedMap } from './shared-event.ts';
import type { SharedGroup, SharingReport } from './sharing-report.ts';
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

/** The groups of one server. */
export class Sharing {
  readonly counts: SharingCounts = { executions: 0, personalExecutions: 0 };
  /** By the key of their plans, which is the same for few. */
  readonly #groups = new Map<string, ExecutionGroup[]>();
  readonly #notShared = new Map<string, number>();

  find(plan: GroupPlan): ExecutionGroup | undefined {
    return this.#groups.get(plan.key)?.find((group) => isSamePlan(group.plan, plan));
  }

  /** Makes the group of a plan that has none, which reads from `firstIndex` on. It has to be run once its first member joined. */
  create(
    core: ServerCore,
    plan: GroupPlan,
    { resolved, reader, firstIndex, maps, subject }: GroupStart,
  ): ExecutionGroup {
    const executor = new GroupExecutor({ core, resolved, audience: plan.audience });
    const group = new ExecutionGroup({
      plan,
      reader,
      firstIndex,
      maps,
      executor,
      subject,
      clock: core.clock,
      turns: core.flusher,
      onClosed: this.#remove,
    });
    const others = this.#groups.get(plan.key);
    if (others === undefined) this.#groups.set(plan.key, [group]);
    else others.push(group);
    return group;
  }

  /** Counts a subscription that executes its events for itself. */
  countNotShared(reason: string): void {
    const isKnown = this.#notShared.has(reason);
    const name = isKnown || this.#notShared.size < maximumReasons ? reason : 'other reasons';
    this.#notShared.set(name, (this.#notShared.get(name) ?? 0) + 1);
  }

  report(): SharingReport {
    const groups: SharedGroup[] = [];
    for (const sameKey of this.#groups.values()) groups.push(...sameKey.map(toSharedGroup));
    const largest = groups.toSorted((one, other) => other.subscribers - one.subscribers);
    return {
      ...this.counts,
      groups: groups.length,
      subscribers: groups.reduce((sum, { subscribers }) => sum + subscribers, 0),
      largestGroups: largest.slice(0, reportedGroups),
      notShared: toReasons(this.#notShared),
    };
  }

  readonly #remove = (group: ExecutionGroup): void => {
    const { key } = group.plan;
    const left = this.#groups.get(key)?.filter((other) => other !== group) ?? [];
    if (left.length === 0) this.#groups.delete(key);
    else this.#groups.set(key, left);
  };
}

/** What a group begins with. */
export interface GroupStart {
  readonly resolved: ResolvedSubscription;
  readonly reader: EntryReader;
  readonly firstIndex: number;
  readonly maps: readonly SharedMap[];
  readonly subject: ResumeSubject | undefined;
}
