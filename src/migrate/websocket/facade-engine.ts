import { getOperationAST, GraphQLError, parse, validate } from 'graphql';
import type { DocumentNode, ExecutionArgs, GraphQLSchema } from 'graphql';

import { UsageError } from '../../errors.ts';
import { createCompiledEngine } from '../../execution/index.ts';
import type {
  DocumentLimits,
  ExecutionEngine,
  ExecutionInput,
  ExecutionOutcome,
  Preparation,
  PreparedOperation,
  Refused,
  ResolvedSubscription,
  StartedSubscription,
} from '../../execution/index.ts';
import { refuse } from '../../execution/refusal.ts';
import { rootFieldOf } from '../../execution/root-field.ts';
import { iterableStream } from '../../stream/iterable-stream.ts';
import type { OperationRequest } from '../../vocabulary.ts';
import { needsFunctions } from './facade-operation.ts';
import type { FacadeOperation, OperationFunction } from './facade-operation.ts';
import {
  answerRefused,
  executeByFunction,
  single,
  subscribeByFunction,
} from './function-execution.ts';
import { placeholderSchema } from './placeholder-schema.ts';
import { resolveResults } from './result-stream.ts';
import type { ErrorView } from './shown-errors.ts';
import { viewed, viewedStart } from './shown-errors.ts';

/** What a program has of its own; what is absent is done by Millrace. */
export interface FacadeFunctions {
  readonly parse?: ((text: string) => DocumentNode) | undefined;
  readonly validate?:
    | ((schema: GraphQLSchema, document: DocumentNode) => readonly GraphQLError[])
    | undefined;
  readonly execute?: OperationFunction | undefined;
  readonly subscribe?: OperationFunction | undefined;
}

/** How a facade executes. */
export interface FacadeEngineOptions {
  readonly functions: FacadeFunctions;
  readonly limits: DocumentLimits | undefined;
  /** Of every operation of that kind, unless it has its own. */
  readonly rootValueOf: (kind: PreparedOperation['kind']) => unknown;
  readonly view: ErrorView;
  /** How a document is answered that is not valid: refused, or by a result with errors. */
  readonly invalidDocuments: 'refused' | 'answered';
  /** Whether hooks of the program find the documents that clients name. */
  readonly findsDocuments: boolean;
}

/** The engine of a program that gave none, and functions that are graphql-js's own, take the way of Millrace. */
export function ownFunction<Own extends (...args: never[]) => unknown>(
  given: Own | undefined,
  theirs: (...args: never[]) => unknown,
): Own | undefined {
  return given === theirs ? undefined : given;
}

/**
 * Executes by Millrace's own engine, and shares, what can be; the rest by the functions of the program, each operation for itself.
 *
 * @remarks
 * Variables that cannot be coerced, and streams that cannot be made, are answered by a result with errors: so do the libraries that facades stand in for.
 */
export class FacadeEngine implements ExecutionEngine {
  readonly #options: FacadeEngineOptions;
  readonly #native: ReturnType<typeof createCompiledEngine>;
  readonly #operations = new WeakMap<OperationRequest, FacadeOperation>();
  /** What was over before any hook was shown it. */
  readonly #ended = new WeakSet<OperationRequest>();
  /** What was prepared for functions, each for one operation. */
  readonly #prepared = new WeakMap<PreparedOperation, FacadeOperation>();

  constructor(options: FacadeEngineOptions) {
    this.#options = options;
    const { limits } = options;
    this.#native = createCompiledEngine({ ...(limits && { limits }) });
  }

  get findsDocuments(): boolean {
    return this.#options.findsDocuments;
  }

  get view(): ErrorView {
    return this.#options.view;
  }

  /** Makes an operation known, by the request that hooks and this engine are shown. */
  enter(request: OperationRequest, id: string | number): FacadeOperation {
    const hasEnded = this.#ended.has(request);
    const operation: FacadeOperation = { id, request, orders: {}, hasBegun: false, hasEnded };
    this.#operations.set(request, operation);
    return operation;
  }

  /** It is over; `undefined` if no hook was shown it, which may still happen. */
  end(request: OperationRequest): FacadeOperation | undefined {
    const operation = this.#operations.get(request);
    if (operation) operation.hasEnded = true;
    else this.#ended.add(request);
    return operation;
  }

  operationOf(request: OperationRequest): FacadeOperation | undefined {
    return this.#operations.get(request);
  }

  prepare(_schema: GraphQLSchema, request: OperationRequest): Preparation {
    const operation = this.#operations.get(request);
    if (!operation) throw new UsageError('no hook was shown this operation');
    if (operation.refusal) return this.#prepareFor(operation, standIn());
    const preparation = this.#examine(operation);
    if (preparation.kind === 'refused') return this.#refuse(operation, preparation);
    const { prepared } = preparation;
    operation.args = this.#toArguments(operation, prepared);
    const { functions } = this.#options;
    const own = prepared.kind === 'subscription' ? functions.subscribe : functions.execute;
    const isForeign = 'isForeign' in preparation;
    if (!isForeign && !own && !needsFunctions(operation)) return { kind: 'prepared', prepared };
    return this.#prepareFor(operation, prepared);
  }

  async execute(prepared: PreparedOperation, input: ExecutionInput): Promise<ExecutionOutcome> {
    const { view, rootValueOf } = this.#options;
    const operation = this.#prepared.get(prepared);
    if (operation?.refusal) return answerRefused(operation, operation.refusal, view);
    const own = this.#options.functions.execute;
    if (operation) return executeByFunction(operation, input, { view, own });
    const rootValue = rootValueOf(prepared.kind);
    const outcome = await this.#native.execute(prepared, { ...input, rootValue });
    if (outcome.kind === 'parts') return outcome;
    const result = outcome.kind === 'refused' ? { errors: outcome.errors } : outcome.result;
    return { kind: 'result', result: view.result(result) };
  }

  async subscribe(
    prepared: PreparedOperation,
    input: ExecutionInput,
  ): Promise<StartedSubscription | Refused> {
    const resolved = await this.resolveSource(prepared, input);
    return resolved.kind === 'refused' ? resolved : resolved.start();
  }

  async resolveSource(
    prepared: PreparedOperation,
    input: ExecutionInput,
  ): Promise<ResolvedSubscription | Refused> {
    const { view, rootValueOf } = this.#options;
    const operation = this.#prepared.get(prepared);
    const own = this.#options.functions.subscribe;
    if (operation) return subscribeByFunction(operation, { prepared, input }, { view, own });
    const rootValue = rootValueOf(prepared.kind);
    const resolved = await this.#native.resolveSource?.(prepared, { ...input, rootValue });
    if (!resolved) throw new UsageError('the engine of Millrace says which source it found');
    if (resolved.kind === 'refused') return answer(prepared, resolved, view);
    return {
      ...resolved,
      async start() {
        const started = await resolved.start();
        if (started.kind === 'started') return viewedStart(started, view);
        const answered = answer(prepared, started, view);
        return answered.kind === 'refused' ? answered : answered.start();
      },
      detach: (fieldResolver) => viewed(resolved.detach(fieldResolver), view),
    };
  }

  #examine(operation: FacadeOperation): Examination {
    const { orders, request } = operation;
    if (orders.args) return prepareArguments(orders.args);
    const { schema } = orders;
    if (!schema) throw new UsageError('an operation without arguments has a schema');
    const asked = orders.request ?? request;
    const native = this.#native.prepare(schema, asked);
    return reexamine(native, this.#options.functions, { schema, request: asked });
  }

  #refuse(operation: FacadeOperation, refused: Refused): Preparation {
    const { invalidDocuments, view } = this.#options;
    const isAnswered = invalidDocuments === 'answered' && answeredCodes.has(refused.code);
    const said = refused.code === 'OPERATION_NOT_FOUND' && !isAnswered ? unidentified() : refused;
    operation.refusal = said.errors;
    if (isAnswered) return this.#prepareFor(operation, standIn());
    const { errors = [] } = view.result({ errors: said.errors });
    return { ...said, errors };
  }

  /** As an object of its own, by which the operation is found again. */
  #prepareFor(operation: FacadeOperation, like: PreparedOperation): Preparation {
    const { kind, schema, document, operation: definition } = like;
    const prepared = { kind, schema, document, operation: definition, isIncremental: false };
    this.#prepared.set(prepared, operation);
    return { kind: 'prepared', prepared };
  }

  #toArguments({ orders, request }: FacadeOperation, prepared: PreparedOperation): ExecutionArgs {
    const rootValue = this.#options.rootValueOf(prepared.kind);
    if (orders.args) return { rootValue, ...orders.args };
    const { operationName, variables } = orders.request ?? request;
    const { schema, document } = prepared;
    return {
      schema,
      document,
      rootValue,
      operationName,
      variableValues: variables,
    };
  }
}

type Examination = (Preparation & { readonly kind: 'refused' }) | Examined;

interface Examined {
  readonly kind: 'prepared';
  readonly prepared: PreparedOperation;
  /** Not by the engine of Millrace, which cannot be asked to execute it then. */
  readonly isForeign?: true;
}

const answeredCodes: ReadonlySet<string> = new Set([
  'GRAPHQL_VALIDATION_FAILED',
  'OPERATION_NOT_FOUND',
]);

/** What the program's own functions say of a document of which ours say `native`. */
function reexamine(
  native: Preparation,
  functions: FacadeFunctions,
  { schema, request }: { readonly schema: GraphQLSchema; readonly request: OperationRequest },
): Examination {
  if (!functions.parse && !functions.validate) return native;
  const code = native.kind === 'refused' ? native.code : undefined;
  if (code === 'DOCUMENT_LIMIT_EXCEEDED') return native;
  // what the program's own rules allow is allowed, whatever the specification says
  if (functions.parse || code === 'GRAPHQL_VALIDATION_FAILED')
    return examineByFunctions(functions, schema, request);
  if (native.kind === 'refused') return native;
  const errors = functions.validate?.(schema, native.prepared.document) ?? [];
  return errors.length > 0 ? refuse('GRAPHQL_VALIDATION_FAILED', errors) : native;
}

function examineByFunctions(
  functions: FacadeFunctions,
  schema: GraphQLSchema,
  request: OperationRequest,
): Examination {
  let document: DocumentNode;
  try {
    document = (functions.parse ?? parse)(request.query);
  } catch (error) {
    if (error instanceof GraphQLError) return refuse('GRAPHQL_PARSE_FAILED', [error]);
    throw error;
  }
  const errors = (functions.validate ?? validate)(schema, document);
  if (errors.length > 0) return refuse('GRAPHQL_VALIDATION_FAILED', errors);
  return prepareArguments({ schema, document, operationName: request.operationName ?? null });
}

function prepareArguments({ schema, document, operationName }: ExecutionArgs): Examination {
  const operation = getOperationAST(document, operationName);
  if (!operation) return unidentified();
  const prepared = { kind: operation.operation, schema, document, operation, isIncremental: false };
  return { kind: 'prepared', prepared, isForeign: true };
}

function unidentified(): Refused {
  return refuse('OPERATION_NOT_FOUND', [new GraphQLError('Unable to identify operation')]);
}

/** What is executed in place of a document that cannot be: its answer is known. */
function standIn(): PreparedOperation {
  const operation = getOperationAST(anyDocument);
  if (!operation) throw new UsageError('a document that stands for another has an operation');
  return {
    kind: 'query',
    schema: placeholderSchema,
    document: anyDocument,
    operation,
    isIncremental: false,
  };
}

const anyDocument = parse('{ __typename }');

/** A stream that could not be made, by one result that says so; an operation that has ended gets none. */
function answer(
  prepared: PreparedOperation,
  refused: Refused,
  view: ErrorView,
): ResolvedSubscription | Refused {
  if (refused.code === 'TERMINATED') return refused;
  const result = { errors: refused.errors };
  return resolveResults(rootFieldOf(prepared).definition, iterableStream(single(result)), view);
}
