import { UsageError } from '../errors.ts';

/** What code generators put on a document: the types of its result and variables. */
export interface TypedDocument<Data, Variables> {
  readonly __apiType?: (variables: Variables) => Data;
}

/** The members of a parsed document that are looked at. */
export interface DocumentLike {
  readonly kind: 'Document';
}

/** An operation's document: its text, or what a code generator or `gql` made of it. */
export type Document<Data, Variables> =
  | string
  | ((DocumentLike | { toString(): string }) & TypedDocument<Data, Variables>);

/** Writes a parsed document; `print` of `graphql` is one. */
export type Print = (document: never) => string;

/** Blank and comments, then a mutation. */
export const beginsWithMutation = /^(?:[\s,]|#[^\n\r]*[\n\r])*mutation\b/;

/** The text of `document`, which says what it is if it is parsed. */
export function toText(document: Document<unknown, never>, print: Print | undefined): string {
  if (typeof document === 'string' || !('kind' in document)) return String(document);
  if (print) return print(document as never); // the caller's own parser made it, and their own printer writes it
  throw new UsageError('Parsed documents need the option `print`');
}
