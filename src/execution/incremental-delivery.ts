import { Kind, visit } from 'graphql';
import type {
  ASTNode,
  ExperimentalIncrementalExecutionResults,
  FragmentDefinitionNode,
  GraphQLSchema,
  OperationDefinitionNode,
  SelectionNode,
} from 'graphql';

import { isAborted } from './abort.ts';
import { executeIncrementally } from './graphql-features.ts';
import type { IncrementalPart, PreparedOperation } from './types.ts';

/** Whether a schema offers `@defer` or `@stream` and the installed graphql implements them. */
export function offersIncrementalDelivery(schema: GraphQLSchema): boolean {
  if (executeIncrementally === undefined) return false;
  return schema.getDirective('defer') != null || schema.getDirective('stream') != null;
}

/** Whether the answer to `operation` may come in parts. */
export function isIncremental(
  schema: GraphQLSchema,
  operation: OperationDefinitionNode,
  fragments: ReadonlyMap<string, FragmentDefinitionNode>,
): boolean {
  if (!offersIncrementalDelivery(schema)) return false;
  for (const selection of selectionsOf(operation, fragments)) {
    if (isDeferredOrStreamed(selection)) return true;
  }
  return false;
}

/**
 * Walks through an operation and the fragments that it spreads, each of them once.
 *
 * @yields every selection
 */
export function* selectionsOf(
  operation: OperationDefinitionNode,
  fragments: ReadonlyMap<string, FragmentDefinitionNode>,
): Generator<SelectionNode> {
  const entered = new Set<string>();
  const pending = [operation.selectionSet];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    yield* next.selections;
    for (const selection of next.selections) {
      const isSpread = selection.kind === Kind.FRAGMENT_SPREAD;
      if (isSpread && entered.has(selection.name.value)) continue;
      if (isSpread) entered.add(selection.name.value);
      const holder = isSpread ? fragments.get(selection.name.value) : selection;
      if (holder?.selectionSet !== undefined) pending.push(holder.selectionSet);
    }
  }
}

function isDeferredOrStreamed(selection: SelectionNode): boolean {
  return selection.directives?.some(({ name }) => isOfParts(name.value)) === true;
}

const wholeOperations = new WeakMap<OperationDefinitionNode, PreparedOperation>();

/** The same operation without `@defer` and `@stream`: its answer is one result with everything in it. */
export function withoutParts(prepared: PreparedOperation): PreparedOperation {
  if (!prepared.isIncremental) return prepared;
  const { kind, schema, operation } = prepared;
  const whole = wholeOperations.get(operation) ?? {
    kind,
    schema,
    document: withoutDirectives(prepared.document),
    operation: withoutDirectives(operation),
    isIncremental: false,
  };
  wholeOperations.set(operation, whole);
  return whole;
}

function withoutDirectives<Node extends ASTNode>(root: Node): Node {
  return visit(root, {
    Directive: ({ name }) => (isOfParts(name.value) ? null : undefined),
  });
}

/** Whether a directive makes an answer come in parts. */
export function isOfParts(directive: string): boolean {
  return directive === 'defer' || directive === 'stream';
}

/**
 * The parts of an incremental answer in the order in which they have to be sent.
 *
 * @remarks
 * Leaving the iteration ends the execution at once, also while a part is awaited. An execution that is aborted ends the iteration.
 */
export class IncrementalParts implements AsyncIterableIterator<IncrementalPart, undefined> {
  #initial: IncrementalPart | undefined;
  readonly #subsequent: AsyncGenerator<IncrementalPart, void, void>;
  readonly #signal: AbortSignal | undefined;

  constructor(results: ExperimentalIncrementalExecutionResults, signal: AbortSignal | undefined) {
    this.#initial = results.initialResult;
    this.#subsequent = results.subsequentResults;
    this.#signal = signal;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<IncrementalPart, undefined>> {
    const initial = this.#initial;
    if (initial !== undefined) {
      this.#initial = undefined;
      return { done: false, value: initial };
    }
    try {
      const part = await this.#subsequent.next();
      return part.done === true ? { done: true, value: undefined } : part;
    } catch (error) {
      if (isAborted(this.#signal)) return { done: true, value: undefined };
      throw error;
    }
  }

  async return(): Promise<IteratorResult<IncrementalPart, undefined>> {
    this.#initial = undefined;
    await this.#subsequent.return();
    return { done: true, value: undefined };
  }
}
