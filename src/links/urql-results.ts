import { makeResult, mergeResultPatch } from '@urql/core';
import type { ExecutionResult, Operation, OperationResult } from '@urql/core';

import type { OperationResult as CarriedResult } from '../client/operation-handle.ts';

/** Makes results of urql of what comes for one operation. */
export class UrqlResults {
  readonly #operation: Operation;
  #last: OperationResult | undefined;
  /** What the parts of a result refer to. */
  #pending: NonNullable<ExecutionResult['pending']> = [];

  constructor(operation: Operation) {
    this.#operation = operation;
  }

  take(carried: CarriedResult): OperationResult {
    const result = carried as ExecutionResult; // the same response format
    this.#pending = [...this.#pending, ...(result.pending ?? [])];
    this.#last =
      this.#last && this.#isPart(result)
        ? mergeResultPatch(this.#last, result, undefined, this.#pending)
        : this.#toWhole(result);
    return this.#last;
  }

  /** The last result once more, if it promised another one that did not come. */
  close(): OperationResult | undefined {
    const isOpen = this.#operation.kind !== 'subscription' && this.#last?.hasNext === true;
    return isOpen && this.#last ? { ...this.#last, hasNext: false } : undefined;
  }

  #isPart(result: ExecutionResult): boolean {
    if (this.#operation.kind === 'subscription') return false;
    // the oldest format of parts has data, too, and says where it belongs
    return !('data' in result) || 'path' in result;
  }

  #toWhole(result: ExecutionResult): OperationResult {
    // without `data` it would throw, and some events have extensions alone
    const whole = makeResult(
      this.#operation,
      'data' in result ? result : { ...result, data: null },
    );
    // a subscription ends when it does, whatever one event says of its own parts
    return this.#operation.kind === 'subscription' ? { ...whole, hasNext: true } : whole;
  }
}
