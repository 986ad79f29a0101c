import { GraphQLError } from 'graphql';

import { HttpProblem } from '../http-problem.ts';
import type { UploadLimits } from './upload-options.ts';

/** A form that breaks the specification, or is no form. */
export function invalidForm(message: string): HttpProblem {
  return new HttpProblem('UPLOAD_INVALID', message);
}

/** The form is complete without a file that its `map` has. */
export function missing(name: string): HttpProblem {
  return new HttpProblem('UPLOAD_MISSING', 'File missing in the request.', {}, { part: name });
}

/** A request with files goes beyond one of its limits; `field` is what is too big, if it is no file. */
export function exceeded(
  limits: UploadLimits,
  limit: keyof UploadLimits,
  field?: string,
): HttpProblem {
  const maximum = limits[limit];
  const code = limit === 'completeMs' ? 'REQUEST_TIMEOUT' : 'UPLOAD_LIMIT_EXCEEDED';
  return new HttpProblem(
    code,
    `uploads.${limit} of ${maximum} exceeded`,
    // a client that has not sent all by now may send for as long as it likes
    limit === 'completeMs' ? { connection: 'close' } : {},
    { limit, maximum, ...(field !== undefined && { field }) },
  );
}

/** What a resolver gets that waits for a file: its client may see it, so it is not masked. */
export function toFileError({ message, code, details }: HttpProblem): GraphQLError {
  return new GraphQLError(message, { extensions: { ...details, code } });
}
