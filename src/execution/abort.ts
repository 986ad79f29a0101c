import { GraphQLError } from 'graphql';

/** What stands in the place of an answer that nobody waited for. */
export function abortError(): GraphQLError {
  return new GraphQLError('The operation was aborted.', { extensions: { code: 'TERMINATED' } });
}

/** A function, because the compiler would believe that the answer cannot change during an `await`. */
export function isAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true;
}

/** How a promise that an `AbortSignal` may overtake ended; its rejection is passed on. */
export type Outcome<Value> =
  | { readonly kind: 'fulfilled'; readonly value: Value }
  | { readonly kind: 'aborted' };

/**
 * Waits for `promise`, but no longer than until `signal` aborts.
 *
 * @remarks
 * What the promise brings after that goes to `discard`; a rejection after that concerns nobody.
 */
export function waitUnlessAborted<Value>(
  promise: PromiseLike<Value>,
  signal: AbortSignal | undefined,
  discard?: (value: Value) => void,
): Promise<Outcome<Value>> {
  return new Promise((resolve, reject) => {
    let isOvertaken = false;
    const onAbort = (): void => {
      isOvertaken = true;
      resolve({ kind: 'aborted' });
    };
    const settle = (report: () => void): void => {
      signal?.removeEventListener('abort', onAbort);
      report();
    };
    if (isAborted(signal)) onAbort();
    else signal?.addEventListener('abort', onAbort, { once: true });
    promise.then(
      (value) =>
        isOvertaken ? discard?.(value) : settle(() => resolve({ kind: 'fulfilled', value })),
      (error: unknown) => (isOvertaken ? undefined : settle(() => reject(error))),
    );
  });
}

/** Whether a value has to be awaited. */
export function isPromiseLike<Value>(
  value: Value | PromiseLike<Value>,
): value is PromiseLike<Value> {
  return (
    typeof value === 'object' &&
    value !== null &&
    'then' in value &&
    typeof value.then === 'function'
  );
}
