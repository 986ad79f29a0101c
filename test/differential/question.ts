import type { OperationRequest } from 'millrace';
import type { ServerOptions } from 'millrace/server';

import type { Asked } from '../support/carriers/carrier.ts';
import type { CarrierName } from '../support/carriers/index.ts';
import type { FixtureApp } from '../support/fixture-app.ts';

/** A request to be put over every transport, and how each of them has to end it. */
export interface Question extends Asked {
  readonly title: string;
  /** `completed`, `left` by the client after {@link Question.takes} results, or the code of the first error. */
  readonly ends: string;
  readonly options?: Partial<ServerOptions>;
  /** Once the source of a subscription is open. */
  readonly whenOpen?: (app: FixtureApp) => Promise<unknown>;
  /** How many results a client takes of a subscription that does not end. */
  readonly takes?: number;
  /** Why a transport is not asked. */
  readonly leavesOut?: Readonly<Partial<Record<CarrierName, string>>>;
  /** Why the messages of the errors may differ: then their codes alone are compared. */
  readonly wordsDiffer?: string;
}

/** What a question may have besides what its kind says. */
export type Circumstances = Partial<Omit<Question, 'title' | 'kind' | 'request'>>;

/** Members of a request besides its document, and circumstances. */
type More = Omit<OperationRequest, 'query'> & { readonly in?: Circumstances };

type Asking = (title: string, document: string, more?: More) => Question;

/** Asks for what completes unless it is said otherwise. */
function asking(kind: Question['kind']): Asking {
  return (title, document, { in: circumstances, ...rest } = {}) => ({
    kind,
    title,
    ends: 'completed',
    request: { query: document, ...rest },
    ...circumstances,
  });
}

export const query: Asking = asking('query');
export const mutation: Asking = asking('mutation');
export const subscription: Asking = asking('subscription');

/** A request, or the text of its document, that is refused with `code` before it is known what it asks for. */
export function refused(
  code: string,
  title: string,
  request: string | object,
  circumstances: Circumstances = {},
): Question {
  return {
    kind: 'none',
    title,
    ends: code,
    request: typeof request === 'string' ? { query: request } : request,
    ...circumstances,
  };
}

/** `count` pieces of text in a row. */
export function many(count: number, write: (index: number) => string, separator = ' '): string {
  return Array.from({ length: count }, (_, index) => write(index)).join(separator);
}
