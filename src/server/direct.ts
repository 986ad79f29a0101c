import { withoutParts } from '../execution/index.ts';
import type { SourceReader } from '../stream/source.ts';
import type { FormattedError, FormattedResult, OperationRequest } from '../vocabulary.ts';
import type { Admitted, NotAdmitted } from './admission.ts';
import { admit, refusal, toOperationEvent } from './admission.ts';
import type { ServerCore } from './core.ts';
import { eventContextFor } from './event-context.ts';
import type { RequestHead } from './request-head.ts';
import { noRequest } from './request-head.ts';

/** For whom the host program runs an operation itself. */
export interface DirectInit {
  /** As if the connect hook had returned it. @defaultValue {} */
  readonly session?: object;
  /** @defaultValue a request without headers */
  readonly request?: RequestHead;
  /** Used as it is, in place of what the `context` option would make. */
  readonly context?: unknown;
}

/** A subscription without a transport. */
export type DirectSubscription =
  | {
      readonly kind: 'refused';
      /** Request errors: nothing was executed. */
      readonly errors: readonly FormattedError[];
    }
  | {
      readonly kind: 'started';
      /** Name of the root field. */
      readonly field: string;
      /** Opened: close it, or iterate it to its end. */
      readonly source: SourceReader<unknown>;
      /** Executes the selection for one event, errors masked; never rejects. */
      execute(event: unknown): Promise<FormattedResult>;
    };

/** Executes a query or mutation for the host program: the same admission as on every transport, but no connect hook and no result hooks. Never rejects. */
export async function executeDirectly(
  core: ServerCore,
  request: OperationRequest,
  init: DirectInit,
): Promise<FormattedResult> {
  const admission = await admitDirectly(core, request, init, ({ kind }) =>
    kind === 'subscription'
      ? refusal('BAD_REQUEST', 'use subscribe() for subscriptions')
      : undefined,
  );
  if (admission.kind === 'refused') return { errors: admission.errors };
  const { prepared, context } = admission;
  const outcome = await core.engine.execute(withoutParts(prepared), {
    context,
    ...variablesOf(request),
  });
  switch (outcome.kind) {
    case 'result':
      return core.masking.result(outcome.result);
    case 'refused':
      return {
        errors: outcome.errors.map((error) => core.masking.error(error, 'variables', outcome.code)),
      };
    case 'parts':
      return {
        errors: refusal('INTERNAL_SERVER_ERROR', 'the engine answered in parts unasked').errors,
      };
  }
}

/** Starts a subscription for the host program: what a transport is built on. Never rejects. */
export async function subscribeDirectly(
  core: ServerCore,
  request: OperationRequest,
  init: DirectInit,
): Promise<DirectSubscription> {
  const admission = await admitDirectly(core, request, init, ({ kind }) =>
    kind === 'subscription'
      ? undefined
      : refusal('BAD_REQUEST', 'use execute() for queries and mutations'),
  );
  if (admission.kind === 'refused') return { kind: 'refused', errors: admission.errors };
  const { prepared, context } = admission;
  const started = await core.engine.subscribe(prepared, { context, ...variablesOf(request) });
  if (started.kind === 'refused') {
    return {
      kind: 'refused',
      errors: started.errors.map((error) => core.masking.error(error, 'subscribe', started.code)),
    };
  }
  const execute = async (event: unknown): Promise<FormattedResult> => {
    try {
      return core.masking.result(
        await started.execute(event, await eventContextFor(core, context)),
      );
    } catch (error) {
      return core.masking.result(started.failEvent(error));
    }
  };
  return { kind: 'started', field: started.field, source: started.source, execute };
}

function admitDirectly(
  core: ServerCore,
  request: OperationRequest,
  init: DirectInit,
  objection: (prepared: Admitted['prepared']) => NotAdmitted | undefined,
): Promise<Admitted | NotAdmitted> {
  const session = {
    session: init.session ?? {},
    request: init.request ?? noRequest,
    protocol: 'direct',
  } as const;
  const { context } = init;
  return admit(core, toOperationEvent(session, request), {
    objection,
    ...('context' in init && { makeContext: () => context }),
  });
}

function variablesOf({ variables }: OperationRequest): Pick<OperationRequest, 'variables'> {
  return variables ? { variables } : {};
}
