import type {
  DocumentNode,
  ExecutionResult,
  GraphQLError,
  GraphQLField,
  GraphQLFieldResolver,
  GraphQLSchema,
  OperationDefinitionNode,
} from 'graphql';

import type { ErrorCode } from '../errors.ts';
import type { SourceReader, SourceStream } from '../stream/source.ts';
import type { OperationRequest } from '../vocabulary.ts';

/** A document that parsed, passed the limits and the validation, and the operation of it that the request selected. */
export interface PreparedOperation {
  readonly kind: 'query' | 'mutation' | 'subscription';
  readonly schema: GraphQLSchema;
  readonly document: DocumentNode;
  readonly operation: OperationDefinitionNode;
  /** Whether it uses `@defer` or `@stream` where the schema knows them: the answer may come in parts. */
  readonly isIncremental: boolean;
  /** Whether executions of one event may be shared by all who sent the same; without it they may not. */
  readonly purity?: Purity;
}

/** Whether a selection comes out the same whoever asks for it. */
export type Purity =
  | { readonly kind: 'pure' }
  | {
      readonly kind: 'impure';
      /** For people: what stands in the way first, such as a field that has a resolver. */
      readonly reason: string;
    };

/** Request errors: nothing was executed. */
export interface Refused {
  readonly kind: 'refused';
  readonly code: ErrorCode;
  /** Never empty; each carries `extensions.code`. */
  readonly errors: readonly GraphQLError[];
}

/** Outcome of {@link ExecutionEngine.prepare}. */
export type Preparation =
  | { readonly kind: 'prepared'; readonly prepared: PreparedOperation }
  | Refused;

/** What one execution needs besides its document. */
export interface ExecutionInput {
  readonly context: unknown;
  readonly variables?: Readonly<Record<string, unknown>>;
  readonly rootValue?: unknown;
  /** Cancels the execution where the installed graphql can be cancelled (17). */
  readonly signal?: AbortSignal;
}

/** The answer of a query or mutation: one result, or the parts of an incremental one in order. */
export type ExecutionOutcome =
  | { readonly kind: 'result'; readonly result: ExecutionResult }
  /** The errors came before anything was executed (a variable that cannot be coerced). */
  | Refused
  | { readonly kind: 'parts'; readonly parts: AsyncIterable<IncrementalPart> };

/** One payload of an incremental response in the format of graphql 17, `hasNext: false` on the last. */
export interface IncrementalPart extends PartErrors {
  readonly data?: unknown;
  readonly extensions?: Readonly<Record<string, unknown>>;
  readonly hasNext: boolean;
  readonly pending?: readonly {
    readonly id: string;
    readonly path: PartPath;
    readonly label?: string;
  }[];
  readonly incremental?: readonly (PartErrors & {
    readonly id: string;
    readonly data?: Readonly<Record<string, unknown>>;
    readonly subPath?: PartPath;
    readonly items?: readonly unknown[];
  })[];
  readonly completed?: readonly (PartErrors & { readonly id: string })[];
}

type PartPath = readonly (string | number)[];

/** Where an incremental response may hold errors. */
export interface PartErrors {
  readonly errors?: readonly GraphQLError[];
}

/** How the events of a subscription are executed. */
export interface EventExecutor {
  /** Executes the selection for one event; never rejects. */
  execute(event: unknown, context: unknown): ExecutionResult | Promise<ExecutionResult>;
  /** The result that reports that `error` kept one event from being executed, at the place of the root field. */
  failEvent(error: unknown): ExecutionResult;
}

/** What has to be closed; closing never rejects. */
export interface Closable {
  close(): Promise<void>;
}

/** A subscription whose source stream is known, and not open. */
export interface ResolvedSubscription {
  readonly kind: 'resolved';
  /** In the schema. */
  readonly field: GraphQLField<unknown, unknown>;
  readonly stream: SourceStream<unknown>;
  /** Opens the source for this subscription alone. */
  start(): Promise<StartedSubscription | Refused>;
  /** Calls `open` as {@link ResolvedSubscription.start} opens the source: a failure, or the end of the operation, refuses the subscription. */
  open<Reader extends Closable>(
    open: () => Promise<Reader>,
  ): Promise<{ readonly kind: 'opened'; readonly reader: Reader } | Refused>;
  /**
   * Executes events apart from the operation that this subscription belongs to: nothing of its context, root value and cancellation is kept.
   *
   * @param fieldResolver - for fields without a resolver, unless the engine has one; graphql's own without it
   */
  detach(fieldResolver?: GraphQLFieldResolver<unknown, unknown>): EventExecutor;
}

/** A subscription whose source stream exists. */
export interface StartedSubscription {
  readonly kind: 'started';
  /** Name of the root field in the schema. */
  readonly field: string;
  readonly pace: 'pull' | 'live';
  /** Opened: no event that comes into being from now on is missed. The caller closes it. */
  readonly source: SourceReader<unknown>;
  /**
   * Executes the selection for one event; never rejects.
   *
   * @param context - overrides the operation's context for this event
   */
  execute(event: unknown, context?: unknown): ExecutionResult | Promise<ExecutionResult>;
  /** The result that reports that `error` kept one event from being executed, at the place of the root field. */
  failEvent(error: unknown): ExecutionResult;
}

/**
 * Turns requests into results.
 *
 * @remarks
 * No method throws or rejects because of a document, variables, a resolver or a source: those are values. Errors are not masked here.
 */
export interface ExecutionEngine {
  /**
   * Whether the engine, or a hook, finds documents by what stands in `extensions` of a request: the server leaves such references to it, and shows both
   * requests without a text. Nobody would ask `trustedDocuments` and `persistedQueries` then: they are a `UsageError`.
   *
   * @defaultValue false
   */
  readonly findsDocuments?: boolean;
  prepare(schema: GraphQLSchema, request: OperationRequest): Preparation;
  /** For queries and mutations. */
  execute(prepared: PreparedOperation, input: ExecutionInput): Promise<ExecutionOutcome>;
  /** For subscriptions: runs the root field's stream resolver and opens what it returned. */
  subscribe(
    prepared: PreparedOperation,
    input: ExecutionInput,
  ): Promise<StartedSubscription | Refused>;
  /**
   * {@link ExecutionEngine.subscribe} up to the moment before the source is opened.
   *
   * @remarks
   * An engine without it works, but nothing that it executes is shared.
   */
  resolveSource?(
    prepared: PreparedOperation,
    input: ExecutionInput,
  ): Promise<ResolvedSubscription | Refused>;
}

/** Bounds of a document, checked in time linear to its text and before validation. `Infinity` lifts one. */
export interface DocumentLimits {
  /** Lexical tokens. @defaultValue 15_000 */
  readonly tokens?: number;
  /** Selection sets inside each other, fragments followed. @defaultValue 15 */
  readonly depth?: number;
  /** Aliased fields, fragments followed. @defaultValue 30 */
  readonly aliases?: number;
  /** Directives in the whole document. @defaultValue 50 */
  readonly directives?: number;
  /** Fragment spreads after expansion. @defaultValue 1_000 */
  readonly fragmentSpreads?: number;
  /** Repetitions of a response name within a selection set, which validation compares pairwise. @defaultValue 200 */
  readonly repeatedFields?: number;
}
