import { TransportError } from 'millrace/client';
import type { OperationHandle } from 'millrace/client';

import { toSeen } from '../support/client-under-test.ts';
import type { LibraryResult, SeenReport, SeenResult } from '../support/client-under-test.ts';
import { recordOperation } from '../support/recorded-operation.ts';
import type { Inbox } from '../../support/waiting.ts';

type Handle = Pick<OperationHandle<LibraryResult>, 'subscribe' | 'status'>;

/** Starts an operation; what its program sees of it, in the words that all tests of interop have in common. */
export function watch(handle: Handle): Inbox<SeenReport> {
  const { reports, next, error, complete } = recordOperation<SeenResult>();
  handle.subscribe({
    next: (result) => next(toSeen(result)),
    error: (failure) => error(toSeenFailure(failure)),
    complete,
  });
  return reports;
}

/** What a program sees of a promised result, or why there is none. */
export async function resultOf(promised: Promise<LibraryResult>): Promise<unknown> {
  try {
    return toSeen(await promised);
  } catch (error) {
    return toSeenFailure(error);
  }
}

/** What programs decide by: anything but a `TransportError` is a fault of the client. */
function toSeenFailure(error: unknown): unknown {
  if (!(error instanceof TransportError)) return error;
  const { code, closeCode, status } = error;
  return {
    code,
    ...(closeCode !== undefined && { closeCode }),
    ...(status !== undefined && { status }),
  };
}

/** Every state that an operation goes through from now on, until it ends. */
export async function statesOf({ status }: Handle): Promise<readonly string[]> {
  const states: string[] = [];
  for await (const state of status) states.push(state);
  return states;
}
