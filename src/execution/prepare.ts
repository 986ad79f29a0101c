import {
  assertValidSchema,
  GraphQLError,
  Kind,
  parse,
  SingleFieldSubscriptionsRule,
  specifiedRules,
  validate,
} from 'graphql';
import type { DocumentNode, GraphQLSchema } from 'graphql';
import { LRUCache } from 'lru-cache';

import { UsageError } from '../errors.ts';
import type { ErrorCode } from '../errors.ts';
import type { OperationRequest } from '../vocabulary.ts';
import { DirectivesOfPartsRule } from './directives-of-parts.ts';
import { checkDocument, checkText, resolveDocumentLimits } from './document-limits.ts';
import { fragmentsByName } from './fragments.ts';
import { isIncremental } from './incremental-delivery.ts';
import { purityOf } from './purity.ts';
import type { DefaultResolvers } from './purity.ts';
import { refuse } from './refusal.ts';
import { SingleRootFieldRule } from './subscription-root.ts';
import type { DocumentLimits, Preparation, PreparedOperation, Purity, Refused } from './types.ts';

/** Throws a {@link UsageError} that lists everything that is wrong with `schema`. graphql looks only once. */
export function assertSchema(schema: GraphQLSchema): void {
  try {
    assertValidSchema(schema);
  } catch (cause) {
    const problems = cause instanceof Error ? cause.message : String(cause);
    throw new UsageError(`The schema is invalid. ${problems}`, { cause });
  }
}

export interface DocumentStoreOptions {
  readonly limits?: DocumentLimits;
  /**
   * Documents kept per schema, refused ones included. Fewer if they are large: on average
   * they may have 200 tokens. 0 keeps none. @defaultValue 1_000
   */
  readonly documentCacheSize?: number;
  /** Leaves "Did you mean …" out of errors, which otherwise reveals names of the schema. @defaultValue false */
  readonly hideSuggestions?: boolean;
}

/** What a text amounts to: the operations that may be executed, or the reasons why none may. It serves many requests. */
type DocumentOutcome =
  | { readonly kind: 'valid'; readonly operations: readonly PreparedOperation[] }
  | Refused;

interface CachedOutcome {
  readonly outcome: DocumentOutcome;
  readonly tokens: number;
}

const averageTokens = 200;
/** What a character costs in comparison with a token and the node of the syntax tree that comes of it. */
const charactersPerToken = 16;

/**
 * Texts that were parsed, limited and validated before, per schema.
 *
 * @remarks
 * Nothing of a request but its text goes into the cache: the operation is selected and variables are coerced each time.
 */
export class DocumentStore {
  readonly #limits: Required<DocumentLimits>;
  readonly #cacheSize: number;
  readonly #hideSuggestions: boolean;
  readonly #defaults: DefaultResolvers;
  readonly #outcomes = new WeakMap<GraphQLSchema, LRUCache<string, CachedOutcome>>();

  constructor(options: DocumentStoreOptions & DefaultResolvers = {}) {
    this.#limits = resolveDocumentLimits(options.limits);
    this.#cacheSize = options.documentCacheSize ?? 1_000;
    this.#hideSuggestions = options.hideSuggestions ?? false;
    this.#defaults = options;
  }

  /** The operation that `request` names, in a document that may be executed. Never throws. */
  prepare(schema: GraphQLSchema, request: OperationRequest): Preparation {
    const outcome = this.#outcomeOf(schema, request.query);
    if (outcome.kind === 'refused') return outcome;
    return selectOperation(outcome.operations, request.operationName);
  }

  #outcomeOf(schema: GraphQLSchema, text: string): DocumentOutcome {
    if (this.#cacheSize === 0) return this.#examine(schema, text).outcome;
    const outcomes = this.#cacheOf(schema);
    const known = outcomes.get(text);
    if (known !== undefined) return known.outcome;
    const examined = this.#examine(schema, text);
    outcomes.set(text, examined);
    return examined.outcome;
  }

  #cacheOf(schema: GraphQLSchema): LRUCache<string, CachedOutcome> {
    const known = this.#outcomes.get(schema);
    if (known !== undefined) return known;
    const created = new LRUCache<string, CachedOutcome>({
      max: this.#cacheSize,
      maxSize: this.#cacheSize * averageTokens,
      sizeCalculation: ({ tokens }, text) =>
        1 + tokens + Math.ceil(text.length / charactersPerToken),
    });
    this.#outcomes.set(schema, created);
    return created;
  }

  /** From text to outcome, each step bounded by the one before it. */
  #examine(schema: GraphQLSchema, text: string): CachedOutcome {
    const measured = attempt('GRAPHQL_PARSE_FAILED', () => checkText(text, this.#limits));
    if (measured.kind === 'refused') return { outcome: measured, tokens: 0 };
    if (measured.kind === 'exceeded') {
      return { outcome: refuse('DOCUMENT_LIMIT_EXCEEDED', measured.errors), tokens: 0 };
    }
    return { outcome: this.#validate(schema, text), tokens: measured.tokens };
  }

  #validate(schema: GraphQLSchema, text: string): DocumentOutcome {
    const parsed = attempt('GRAPHQL_PARSE_FAILED', () => ({
      kind: 'parsed' as const,
      document: parse(text),
    }));
    if (parsed.kind === 'refused') return parsed;
    const { document } = parsed;
    return attempt('GRAPHQL_VALIDATION_FAILED', () => {
      const verdict = checkDocument(document, this.#limits);
      if (verdict.kind === 'exceeded') return refuse('DOCUMENT_LIMIT_EXCEEDED', verdict.errors);
      if (verdict.kind === 'cyclic') return refuse('GRAPHQL_VALIDATION_FAILED', verdict.errors);
      const errors = validate(schema, document, rules, { hideSuggestions: this.#hideSuggestions });
      if (errors.length > 0) return refuse('GRAPHQL_VALIDATION_FAILED', errors);
      return { kind: 'valid', operations: prepareOperations(schema, document, this.#defaults) };
    });
  }
}

const rules = [
  ...specifiedRules.map((rule) =>
    rule === SingleFieldSubscriptionsRule ? SingleRootFieldRule : rule,
  ),
  DirectivesOfPartsRule,
];

/** Whatever `step` throws refuses the document: a syntax error, but also a stack that overflows. */
function attempt<Outcome>(code: ErrorCode, step: () => Outcome): Outcome | Refused {
  try {
    return step();
  } catch (thrown) {
    if (thrown instanceof GraphQLError) return refuse(code, [thrown]);
    const originalError = thrown instanceof Error ? thrown : new Error(String(thrown));
    return refuse(code, [
      new GraphQLError('The document could not be examined.', { originalError }),
    ]);
  }
}

function prepareOperations(
  schema: GraphQLSchema,
  document: DocumentNode,
  defaults: DefaultResolvers,
): readonly PreparedOperation[] {
  const fragments = fragmentsByName(document);
  return document.definitions
    .filter((definition) => definition.kind === Kind.OPERATION_DEFINITION)
    .map((operation) =>
      withPurity(
        {
          kind: operation.operation,
          schema,
          document,
          operation,
          isIncremental: isIncremental(schema, operation, fragments),
        },
        defaults,
      ),
    );
}

/** Examined when first asked for: a document may have thousands of operations, of which one is wanted. */
function withPurity(
  prepared: Omit<PreparedOperation, 'purity'>,
  defaults: DefaultResolvers,
): PreparedOperation {
  let known: Purity | undefined;
  return Object.freeze({
    ...prepared,
    get purity() {
      known ??= purityOf(prepared, defaults);
      return known;
    },
  });
}

/** GraphQL specification, 6.1 "GetOperation"; an empty name is none. */
function selectOperation(
  operations: readonly PreparedOperation[],
  name: string | undefined,
): Preparation {
  if (name !== undefined && name !== '') {
    const named = operations.find(({ operation }) => operation.name?.value === name);
    return named === undefined
      ? notFound(`Unknown operation named "${name}".`)
      : { kind: 'prepared', prepared: named };
  }
  const [only, ...others] = operations;
  if (only === undefined) return notFound('Must provide an operation.');
  if (others.length === 0) return { kind: 'prepared', prepared: only };
  return notFound('Must provide operation name if query contains multiple operations.');
}

function notFound(message: string): Refused {
  return refuse('OPERATION_NOT_FOUND', [new GraphQLError(message)]);
}
