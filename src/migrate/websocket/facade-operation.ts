import type { ExecutionArgs, ExecutionResult, GraphQLError, GraphQLSchema } from 'graphql';

import type { OperationRequest } from '../../vocabulary.ts';

/** What `execute` and `subscribe` of a program may give. */
export type OperationResult =
  | ExecutionResult
  | AsyncIterable<ExecutionResult>
  | Promise<ExecutionResult | AsyncIterable<ExecutionResult>>;

/** `execute` or `subscribe` of a program. */
export type OperationFunction = (args: ExecutionArgs) => OperationResult;

/** One operation as a facade knows it, from its first hook to its last. */
export interface FacadeOperation {
  readonly id: string | number;
  /** As its client sent it. */
  readonly request: OperationRequest;
  /** What a hook of the program has made of it. */
  orders: FacadeOrders;
  /** Once it was prepared. */
  args?: ExecutionArgs;
  /** Once it was refused, as they were before anybody wrote them for clients; if a hook did and let it be prepared, they are its one result. */
  refusal?: readonly GraphQLError[];
  /** Execution was about to begin. */
  hasBegun: boolean;
  /** Nobody waits for it any more: it is over, or its client has left. */
  hasEnded: boolean;
}

/** How an operation is to be executed. */
export interface FacadeOrders {
  /** Absent only beside `args`. */
  readonly schema?: GraphQLSchema | undefined;
  /** Ready: they are neither parsed nor validated. */
  readonly args?: ExecutionArgs;
  /** In place of what the client sent. */
  readonly request?: OperationRequest;
  /** Asked with what `execute` or `subscribe` gave; what it returns goes on instead. */
  readonly onResult?: (
    args: ExecutionArgs,
    result: ExecutionResult | AsyncIterable<ExecutionResult>,
  ) => OperationResult | undefined | void | Promise<OperationResult | undefined | void>;
  /** Each result, as it is to be sent. */
  readonly formatResult?: (result: ExecutionResult) => ExecutionResult;
  /** The failure of the stream of results, as it is to be sent. */
  readonly formatFailure?: (error: unknown) => unknown;
}

/** Whether only the functions of the program, or those of graphql-js in their place, can do it. */
export function needsFunctions({ orders }: FacadeOperation): boolean {
  const { args, request, onResult, formatResult, formatFailure } = orders;
  return [args, request, onResult, formatResult, formatFailure].some(
    (order) => order !== undefined,
  );
}
