import type { ErrorCode } from '../errors.ts';
import type { PreparedOperation } from '../execution/index.ts';
import type { FormattedError, OperationRequest } from '../vocabulary.ts';
import type { ServerCore } from './core.ts';
import type { OperationEvent, SessionEvent } from './options.ts';

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
  readonly objection?: (prepared: PreparedOperation) => NotAdmitted | undefined;
  /** Replaces the server's own way to a context. */
  readonly makeContext?: () => unknown;
}

/**
 * The one way from a request to its execution, whatever carried it: subscribe hook, document with its limits, context.
 * Never rejects.
 */
export async function admit(
  core: ServerCore,
  event: OperationEvent<object>,
  { objection, makeContext = () => contextFor(core, event) }: AdmissionOptions = {},
): Promise<Admitted | NotAdmitted> {
  let where = 'onSubscribe';
  try {
    const errors = await core.options.onSubscribe?.(event);
    if (errors !== undefined && errors.length > 0) {
      return {
        kind: 'refused',
        code: 'FORBIDDEN',
        errors: errors.map((error) => core.masking.error(error, where)),
      };
    }
    where = 'schema';
    const preparation = core.engine.prepare(await core.schemaFor(event.request), event.operation);
    if (preparation.kind === 'refused') {
      const { code } = preparation;
      return {
        kind: 'refused',
        code,
        errors: preparation.errors.map((error) => core.masking.error(error, where)),
      };
    }
    const objected = objection?.(preparation.prepared);
    if (objected) return objected;
    where = 'context';
    return { kind: 'admitted', prepared: preparation.prepared, context: await makeContext() };
  } catch (error) {
    return {
      kind: 'refused',
      code: 'INTERNAL_SERVER_ERROR',
      errors: [core.masking.error(error, where)],
    };
  }
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
