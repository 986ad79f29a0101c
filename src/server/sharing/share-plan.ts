import { isSharable } from '../../broker/sharable-source.ts';
import type { SharableSource } from '../../broker/sharable-source.ts';
import type { SourceIdentity } from '../../broker/types.ts';
import { UsageError } from '../../errors.ts';
import type { PreparedOperation, ResolvedSubscription } from '../../execution/index.ts';
import type { OperationRequest } from '../../vocabulary.ts';
import type { ServerCore } from '../core.ts';
import { extensionsOf } from '../subscription-field.ts';
import { variablesKey } from './variables-key.ts';

/** Among whom one execution of an event is shared. */
export type Audience =
  | { readonly kind: 'everybody' }
  | { readonly kind: 'named'; readonly name: string };

/** Whether an operation shares its executions, and if so with whom. */
export type ShareDecision = SharePlan | NotShared;

/** Those whose plans are the same get the results of the same executions. Nothing in it belongs to one subscriber. */
export interface GroupPlan {
  readonly identity: SourceIdentity;
  readonly prepared: PreparedOperation;
  readonly audience: Audience;
  /** Of the topic, its key, the variables and the audience: equal for equal ones. */
  readonly key: string;
}

/** The plan of one subscriber, and the source that is its own. */
export interface SharePlan {
  readonly kind: 'shared';
  readonly source: SharableSource;
  readonly group: GroupPlan;
}

/** The operation executes its events for itself. */
export interface NotShared {
  readonly kind: 'not-shared';
  /** For people. */
  readonly reason: string;
}

/** What a decision is made about. */
export interface ShareRequest {
  readonly prepared: PreparedOperation;
  readonly resolved: ResolvedSubscription;
  readonly variables: OperationRequest['variables'];
  readonly context: unknown;
}

/** Decides whether the events of an operation may be executed together with those of others. Throws what an `audience` function throws. */
export function decideSharing(core: ServerCore, request: ShareRequest): ShareDecision {
  const { prepared, resolved, variables } = request;
  // the hook may give each operation another result, and could change the one that it is shown
  if (core.options.onNext) return notShared('the server has an onNext hook');
  const { stream } = resolved;
  if (!isSharable(stream)) return notShared('its events come from a source without a log');
  const values = variablesKey(variables);
  if (values === undefined) return notShared('its variables are not plain JSON');
  const audience = audienceOf(core, request);
  if (audience.kind === 'nobody') return notShared(audience.reason);
  const { identity } = stream;
  return {
    kind: 'shared',
    source: stream,
    group: { identity, prepared, audience, key: toKey(identity, values, audience) },
  };
}

/** Whether two plans, whose keys are equal, are the same. */
export function isSamePlan(one: GroupPlan, other: GroupPlan): boolean {
  return (
    one.key === other.key &&
    isSameOperation(one.prepared, other.prepared) &&
    isSameSource(one.identity, other.identity)
  );
}

/** What was prepared is kept for a while only, so the same text may have been prepared twice. */
function isSameOperation(one: PreparedOperation, other: PreparedOperation): boolean {
  if (one === other) return true;
  const text = one.document.loc?.source.body;
  return (
    text !== undefined &&
    text === other.document.loc?.source.body &&
    one.schema === other.schema &&
    one.operation.name?.value === other.operation.name?.value
  );
}

function isSameSource(one: SourceIdentity, other: SourceIdentity): boolean {
  return (
    one.owner === other.owner &&
    one.maps.length === other.maps.length &&
    one.maps.every((map, i) => map === other.maps[i])
  );
}

function audienceOf(
  core: ServerCore,
  { prepared, resolved, context }: ShareRequest,
): Audience | { readonly kind: 'nobody'; readonly reason: string } {
  if (prepared.purity?.kind === 'pure') return { kind: 'everybody' };
  const audience = extensionsOf(resolved.field).audience ?? core.options.audience;
  const name: unknown = audience?.(context);
  if (typeof name === 'string') return { kind: 'named', name };
  if (name !== undefined && name !== null) throw notAName(name);
  return { kind: 'nobody', reason: prepared.purity?.reason ?? 'it may depend on who asks' };
}

/** Types do not reach everywhere, and what is no string cannot be compared: two promises would look the same. */
function notAName(name: unknown): UsageError {
  Promise.resolve(name).catch(() => undefined); // what it would reject with is not the mistake
  return new UsageError(`\`audience\` must return a string or undefined, not a ${typeof name}`);
}

function toKey({ topic, key }: SourceIdentity, variables: string, audience: Audience): string {
  const name = audience.kind === 'named' ? audience.name : null;
  return JSON.stringify([topic, key, variables, name]);
}

function notShared(reason: string): NotShared {
  return { kind: 'not-shared', reason };
}
