import type { GraphQLError } from 'graphql';

import type { ErrorCode } from '../errors.ts';
import { UsageError } from '../errors.ts';
import type { PreparedOperation } from '../execution/index.ts';
import type { FormattedError, OperationRequest } from '../vocabulary.ts';
import type { ServerCore } from './core.ts';
import type { ResolvedRequest } from './documents.ts';
import type { CostEvent, OperationEvent, SessionEvent } from './options.ts';

/** An operation that may be executed. */
export interface Admitted {
  readonly kind: 'admitted';
  readonly prepared: PreparedOperation;
  readonly context: unknown;
}

/** An operation that may not; nothing of it was executed. */
export interface NotAdmitted {
  readonly kind: 'refused';
  /** Of the first error. */
  readonly code: ErrorCode;
  readonly errors: readonly FormattedError[];
}

/** What a carrier of operations adds to admission. */
export interface AdmissionOptions {
  /** Says why this carrier cannot carry `prepared`, before anything of it is executed. */
  readonly objection?: (
    prepared: PreparedOperation,
  ) => NotAdmitted | undefined | Promise<NotAdmitted | undefined>;
  /** Replaces the server's own way to a context. */
  readonly makeContext?: () => unknown;
}

/** Outcome of {@link admit}. */
export type Admission = (Admitted | NotAdmitted) & {
  /** What hooks are told from now on: the operation with the text of its document, wherever that came from. */
  readonly event: OperationEvent<object>;
};

/**
 * The one way from a request to its execution, whatever carried it: which document, subscribe hook, parsing and validation with their limits,
 * cost, context. Never rejects.
 */
export async function admit(
  core: ServerCore,
  event: OperationEvent<object>,
  options: AdmissionOptions = {},
): Promise<Admission> {
  const course: Course = { at: 'documents', event };
  try {
    return { ...(await decide(core, course, options)), event: course.event };
  } catch (error) {
    return {
      kind: 'refused',
      code: 'INTERNAL_SERVER_ERROR',
      errors: [core.masking.error(error, course.at)],
      event: course.event,
    };
  }
}

/** How far an admission has come. */
interface Course {
  /** The part of the host program that is being asked; named if it fails. */
  at: 'documents' | 'onSubscribe' | 'schema' | 'cost' | 'context';
  event: OperationEvent<object>;
}

async function decide(
  core: ServerCore,
  course: Course,
  { objection, makeContext = () => contextFor(core, course.event) }: AdmissionOptions,
): Promise<Admitted | NotAdmitted> {
  const resolved = await resolveDocument(core, course.event.operation);
  if (resolved.kind === 'refused') return resolved;
  // the hook may judge by the text, so it never sees a request whose text is still to be found
  course.event = { ...course.event, operation: resolved.request };
  course.at = 'onSubscribe';
  const errors = await core.options.onSubscribe?.(course.event);
  if (errors && errors.length > 0) return refuseWith(core, course, { code: 'FORBIDDEN', errors });
  course.at = 'schema';
  const schema = await core.schemaFor(course.event.request);
  const preparation = core.engine.prepare(schema, resolved.request);
  if (preparation.kind === 'refused') return refuseWith(core, course, preparation);
  const { prepared } = preparation;
  resolved.keep?.();
  course.at = 'cost';
  const tooExpensive = await checkCost(core, { ...course.event, prepared });
  if (tooExpensive) return tooExpensive;
  const judging = objection?.(prepared);
  const objected = judging instanceof Promise ? await judging : judging;
  if (objected) return objected;
  course.at = 'context';
  return { kind: 'admitted', prepared, context: await makeContext() };
}

async function resolveDocument(
  { engine, documents }: ServerCore,
  request: OperationRequest,
): Promise<ResolvedRequest | NotAdmitted> {
  return engine.findsDocuments ? { kind: 'resolved', request } : documents.resolve(request);
}

function refuseWith(
  core: ServerCore,
  { at }: Course,
  { code, errors }: { readonly code: ErrorCode; readonly errors: readonly GraphQLError[] },
): NotAdmitted {
  return {
    kind: 'refused',
    code,
    errors: errors.map((error) => core.masking.error(error, at, code)),
  };
}

async function checkCost(
  { options, limits }: ServerCore,
  event: CostEvent<object>,
): Promise<NotAdmitted | undefined> {
  if (!options.cost) return undefined;
  const cost = await options.cost(event);
  if (typeof cost !== 'number' || Number.isNaN(cost)) {
    throw new UsageError('the `cost` option must return a number');
  }
  if (cost <= limits.cost) return undefined;
  const code = 'OPERATION_TOO_EXPENSIVE';
  const { message, extensions } = limitError(code, 'cost', limits.cost);
  return { kind: 'refused', code, errors: [{ message, extensions: { ...extensions, cost } }] };
}

function contextFor(core: ServerCore, event: OperationEvent<object>): unknown {
  return core.options.context
    ? core.options.context(event)
    : { session: event.session, request: event.request };
}

/** The hook argument for `operation` in the session of `event`. */
export function toOperationEvent(
  event: SessionEvent<object>,
  operation: OperationRequest,
): OperationEvent<object> {
  return { session: event.session, request: event.request, protocol: event.protocol, operation };
}

/** The error that refuses one operation because of a limit. */
export function limitError(code: ErrorCode, limit: string, maximum: number): FormattedError {
  return {
    message: `limits.${limit} of ${maximum} exceeded`,
    extensions: { code, limit, maximum },
  };
}

/** A refusal with one error. */
export function refusal(code: ErrorCode, message: string): NotAdmitted {
  return { kind: 'refused', code, errors: [{ message, extensions: { code } }] };
}
