import type { ExecutionResult } from 'graphql';

import { applySteps } from '../../broker/source-steps.ts';
import { eventContextFor } from '../event-context.ts';
import type { ResultText } from '../result-text.ts';
import { GroupExecutor } from '../sharing/group-executor.ts';
import { filtersOf, judge, mapsOf } from '../sharing/member-filters.ts';
import type { SharePlan } from '../sharing/share-plan.ts';
import { isSamePlan } from '../sharing/share-plan.ts';
import { SharedEvent } from '../sharing/shared-event.ts';
import { toResultText } from '../to-result-text.ts';
import type { DeliveryOutcome, RebuiltSubscription, Subscriber } from './subscriber.ts';

/** An event that is executed once for those with the same plan. */
interface SharedWork {
  readonly plan: SharePlan;
  readonly executor: GroupExecutor;
  readonly event: SharedEvent;
}

/** Those who asked the same, and one event for them. */
export class PublicationGroup {
  readonly #event: unknown;
  readonly #members: Subscriber[] = [];
  /** Of the first who could be rebuilt: the present program decides what is shared, not what was stored. */
  #work: Promise<SharedWork | undefined> | undefined;

  constructor(event: unknown) {
    this.#event = event;
  }

  add(member: Subscriber): void {
    this.#members.push(member);
  }

  /** Takes the members that were added; one function for each, to be called side by side. */
  takeDeliveries(): readonly (() => Promise<DeliveryOutcome>)[] {
    const members = this.#members.splice(0);
    return members.map((member) => () => member.attempt(() => this.#deliverTo(member, members)));
  }

  async #deliverTo(
    member: Subscriber,
    candidates: readonly Subscriber[],
  ): Promise<DeliveryOutcome> {
    this.#work ??= this.#lead(candidates);
    const work = await this.#work;
    if (!work) return this.#deliverAlone(member);
    const isLikeAll = work.plan.source.steps.length === 0 && !member.subscription.hasSteps;
    if (isLikeAll && isInAudience(member, work)) return this.#deliverShared(member, work);
    const { decision, source } = await member.rebuild();
    const isMember = decision.kind === 'shared' && isSamePlan(decision.group, work.plan.group);
    if (!isMember) return this.#deliverAlone(member);
    const verdict = await judge(filtersOf(source.steps), work.event);
    if (verdict.kind === 'dropped') return 'dropped';
    if (verdict.kind === 'failed') return member.push(work.executor.fail(verdict.error));
    return this.#deliverShared(member, work);
  }

  /** What all have in common, found out from the first of them that still works; nothing if each is on its own. */
  async #lead(candidates: readonly Subscriber[]): Promise<SharedWork | undefined> {
    for (const member of candidates) {
      try {
        return toWork(member, await member.rebuild(), this.#event);
      } catch {
        // told when its own turn comes
      }
    }
    return undefined;
  }

  async #deliverShared(
    member: Subscriber,
    { event, executor }: SharedWork,
  ): Promise<DeliveryOutcome> {
    const outcome = await event.outcome();
    if (outcome.kind === 'shared') return member.push(outcome.result);
    const { context } = await member.rebuild();
    return member.push(await executor.executeFor(context, outcome.value));
  }

  async #deliverAlone(member: Subscriber): Promise<DeliveryOutcome> {
    const rebuilt = await member.rebuild();
    const text = await executeAlone(member, rebuilt, this.#event);
    return text ? member.push(text) : 'dropped';
  }
}

function toWork(
  { core }: Subscriber,
  { decision, resolved }: RebuiltSubscription,
  event: unknown,
): SharedWork | undefined {
  if (decision.kind === 'not-shared') return undefined;
  const { source, group } = decision;
  const executor = new GroupExecutor({ core, resolved, audience: group.audience });
  const shared = { executor, maps: mapsOf(source.steps), subject: undefined };
  return { plan: decision, executor, event: new SharedEvent({ event }, shared) };
}

/** Whoever was of this audience when it subscribed still is. */
function isInAudience({ subscription: { audience } }: Subscriber, { plan }: SharedWork): boolean {
  const { audience: led } = plan.group;
  if (led.kind === 'everybody') return audience.kind === 'everybody';
  return audience.kind === 'named' && audience.name === led.name;
}

/** `undefined` if the event is not for it. */
async function executeAlone(
  { core }: Subscriber,
  { event: operation, context, resolved, source }: RebuiltSubscription,
  event: unknown,
): Promise<ResultText | undefined> {
  const item = await applySteps(source.steps, event);
  if (item === undefined) return undefined;
  const executor = resolved.detach();
  const execute = async (): Promise<ExecutionResult> => {
    if (item.kind === 'event-error') return executor.failEvent(item.error);
    try {
      return await executor.execute(item.event, await eventContextFor(core, context));
    } catch (error) {
      return executor.failEvent(error);
    }
  };
  const result = core.masking.result(await execute());
  const shown = await core.options.onNext?.({ ...operation, result });
  return toResultText(core, shown ?? result);
}
