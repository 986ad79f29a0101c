import { GraphQLError } from 'graphql';

import type { ErrorCode } from '../errors.ts';
import type { Refused } from './types.ts';

/** Refuses a request; every error gets `code` unless whoever made it chose another. */
export function refuse(code: ErrorCode, errors: readonly GraphQLError[]): Refused {
  return {
    kind: 'refused',
    code,
    errors: Object.freeze(errors.map((error) => withCode(error, code))),
  };
}

/** The same error with `extensions.code`, which a code that it already carries wins over. */
function withCode(error: GraphQLError, code: ErrorCode): GraphQLError {
  // A refused document is cached, so its errors reach many requests: nobody may add to them.
  const extensions = Object.freeze({ code, ...error.extensions });
  return new GraphQLError(error.message, {
    nodes: error.nodes ?? null,
    source: error.source ?? null,
    positions: error.positions ?? null,
    path: error.path ?? null,
    originalError: error.originalError ?? null,
    extensions,
  });
}
