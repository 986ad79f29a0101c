import type { ExecutionGroup } from './execution-group.ts';

/** What a server shares at this moment, and why it does not share the rest. */
export interface SharingReport {
  /** Executions of an event for a group, since the server began. */
  readonly executions: number;
  /** Executions of a group's event for one of its subscribers alone, because it reached for a context. */
  readonly personalExecutions: number;
  readonly groups: number;
  /** Members of all groups. */
  readonly subscribers: number;
  /** At most 100, those with the most subscribers first. */
  readonly largestGroups: readonly SharedGroup[];
  /** Subscriptions that were started and executed each event for themselves, since the server began. */
  readonly notShared: readonly NotSharedReason[];
}

/** Subscriptions whose events are executed once for all of them. */
export interface SharedGroup {
  readonly operationName?: string;
  readonly topic: string;
  readonly key: string;
  /** Absent where the answer is the same for everybody. */
  readonly audience?: string;
  readonly subscribers: number;
}

/** Why subscriptions were not shared, and how many. */
export interface NotSharedReason {
  readonly reason: string;
  readonly subscriptions: number;
}

export function toSharedGroup({ results: { plan }, size }: ExecutionGroup): SharedGroup {
  const { topic, key } = plan.identity;
  const operationName = plan.prepared.operation.name?.value;
  return {
    ...(operationName !== undefined && { operationName }),
    topic,
    key,
    ...(plan.audience.kind === 'named' && { audience: plan.audience.name }),
    subscribers: size,
  };
}

export function toReasons(counts: ReadonlyMap<string, number>): readonly NotSharedReason[] {
  return [...counts]
    .map(([reason, subscriptions]) => ({ reason, subscriptions }))
    .toSorted((one, other) => other.subscriptions - one.subscriptions);
}
