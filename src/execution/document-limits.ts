import { GraphQLError, Lexer, Source, TokenKind } from 'graphql';
import type { DocumentNode, FragmentSpreadNode } from 'graphql';

import { outlineDocument } from './document-outline.ts';
import { countRepetitions } from './document-repetitions.ts';
import type { DocumentLimits } from './types.ts';

/** What {@link DocumentLimits} says where it is silent. */
export const defaultDocumentLimits = {
  tokens: 15_000,
  depth: 15,
  aliases: 30,
  directives: 50,
  fragmentSpreads: 1_000,
  repeatedFields: 200,
} as const satisfies Required<DocumentLimits>;

/** Fills in the defaults, also for members that are `undefined`, which would lift a limit unnoticed. */
export function resolveDocumentLimits(limits: DocumentLimits = {}): Required<DocumentLimits> {
  return {
    tokens: limits.tokens ?? defaultDocumentLimits.tokens,
    depth: limits.depth ?? defaultDocumentLimits.depth,
    aliases: limits.aliases ?? defaultDocumentLimits.aliases,
    directives: limits.directives ?? defaultDocumentLimits.directives,
    fragmentSpreads: limits.fragmentSpreads ?? defaultDocumentLimits.fragmentSpreads,
    repeatedFields: limits.repeatedFields ?? defaultDocumentLimits.repeatedFields,
  };
}

/**
 * Brackets of any kind inside each other. The parser recurses a few times per bracket and overflows at some
 * thousands of them, whatever the other limits are, so this bound is no option.
 */
const maximumNesting = 200;

/** A text that may be parsed, with its size, or the limit that it exceeds. */
export type TextVerdict =
  | { readonly kind: 'within'; readonly tokens: number }
  | { readonly kind: 'exceeded'; readonly errors: readonly GraphQLError[] };

/**
 * Bounds a text before it is parsed: tokens, directives, nesting of brackets.
 *
 * @remarks
 * Stops at the first token too many. Throws the `GraphQLError` of the lexer at a character that begins no token.
 */
export function checkText(text: string, limits: Required<DocumentLimits>): TextVerdict {
  const lexer = new Lexer(new Source(text));
  let tokens = 0;
  let directives = 0;
  let nesting = 0;
  for (let token = lexer.advance(); token.kind !== TokenKind.EOF; token = lexer.advance()) {
    tokens += 1;
    nesting += nestingChange.get(token.kind) ?? 0;
    if (token.kind === TokenKind.AT) directives += 1;
    if (tokens > limits.tokens) return textExceeds('tokens', limits.tokens, tokens);
    if (directives > limits.directives)
      return textExceeds('directives', limits.directives, directives);
    if (nesting > maximumNesting) return textExceeds('nesting', maximumNesting, nesting);
  }
  return { kind: 'within', tokens };
}

function textExceeds(limit: LimitName, maximum: number, found: number): TextVerdict {
  return { kind: 'exceeded', errors: [limitError(limit, maximum, `at least ${found}`)] };
}

const nestingChange: ReadonlyMap<string, number> = new Map([
  [TokenKind.BRACE_L, 1],
  [TokenKind.BRACKET_L, 1],
  [TokenKind.PAREN_L, 1],
  [TokenKind.BRACE_R, -1],
  [TokenKind.BRACKET_R, -1],
  [TokenKind.PAREN_R, -1],
]);

/** What the bounds say about a parsed document. */
export type DocumentVerdict =
  | { readonly kind: 'within' }
  /** A fragment contains itself: invalid already, and dear to validate. */
  | { readonly kind: 'cyclic'; readonly errors: readonly GraphQLError[] }
  | { readonly kind: 'exceeded'; readonly errors: readonly GraphQLError[] };

/**
 * Bounds a document before it is validated.
 *
 * @remarks
 * The token limit holds for the expanded document too: since validation and execution visit each of its
 * selections, it may not have more of them than its text may have tokens. That also bounds the counting of repetitions,
 * which is left out when neither tokens nor fragment spreads are limited.
 */
export function checkDocument(
  document: DocumentNode,
  limits: Required<DocumentLimits>,
): DocumentVerdict {
  const outline = outlineDocument(document);
  if (outline.cycle !== undefined) return { kind: 'cyclic', errors: [cycleError(outline.cycle)] };
  const { depth, aliases, fragmentSpreads, selections } = outline.size;
  const errors = [
    ...exceeding('depth', limits.depth, depth),
    ...exceeding('aliases', limits.aliases, aliases),
    ...exceeding('fragmentSpreads', limits.fragmentSpreads, fragmentSpreads),
    ...exceeding('tokens', limits.tokens, selections, 'selections with its fragments expanded'),
  ];
  if (errors.length > 0) return { kind: 'exceeded', errors };

  const expansionIsBounded =
    Number.isFinite(limits.tokens) || Number.isFinite(limits.fragmentSpreads);
  if (!expansionIsBounded || !Number.isFinite(limits.repeatedFields)) return { kind: 'within' };
  const repeated = exceeding('repeatedFields', limits.repeatedFields, countRepetitions(outline));
  return repeated.length > 0 ? { kind: 'exceeded', errors: repeated } : { kind: 'within' };
}

/** In the words of the rule "Fragment Spreads Must Not Form Cycles" (GraphQL specification, 5.5.2.2). */
function cycleError(spread: FragmentSpreadNode): GraphQLError {
  return new GraphQLError(`Cannot spread fragment "${spread.name.value}" within itself.`, {
    nodes: spread,
  });
}

type LimitName = keyof DocumentLimits | 'nesting';

function exceeding(limit: LimitName, maximum: number, found: number, unit = ''): GraphQLError[] {
  return found > maximum ? [limitError(limit, maximum, `${found} ${unit}`.trimEnd())] : [];
}

function limitError(limit: LimitName, maximum: number, found: string): GraphQLError {
  return new GraphQLError(
    `The document exceeds the limit "${limit}": ${maximum} allowed, ${found} found.`,
    {
      extensions: { code: 'DOCUMENT_LIMIT_EXCEEDED', limit, maximum },
    },
  );
}
