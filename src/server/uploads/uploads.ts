import type { ServerCore } from '../core.ts';
import type { HttpRequest } from '../http-context.ts';
import { HttpProblem } from '../http-problem.ts';
import type { HttpOperation, OperationForm } from '../http-request.ts';
import { assertUncompressed, toOperation } from '../http-request.ts';
import { parseMediaType } from '../media-type.ts';
import type { Counted } from '../principals.ts';
import type { EffectiveUploads } from './upload-options.ts';
import { exceeded } from './upload-problem.ts';

/** An operation that came in a form. */
export interface UploadOperation extends HttpOperation {
  readonly form: OperationForm;
}

/** Whether a request has a form in place of JSON, and is served. */
export function isForm({ uploads }: ServerCore, { headers }: HttpRequest): boolean {
  return uploads !== undefined && mediaTypeOf(headers) === 'multipart/form-data';
}

/**
 * Reads the operation out of a form, up to its first file; rejects with {@link HttpProblem} for a request that may not or cannot be served.
 *
 * @remarks
 * What parses forms is loaded with the first of them.
 */
export async function readForm(
  { uploads, clock }: ServerCore,
  request: HttpRequest,
): Promise<UploadOperation> {
  const { method, headers, signal } = request;
  if (method !== 'POST') {
    throw new HttpProblem('METHOD_NOT_ALLOWED', 'use POST for forms with files', { allow: 'POST' });
  }
  if (!uploads || !request.chunks)
    throw new HttpProblem('UNSUPPORTED_MEDIA_TYPE', 'this server reads no forms');
  assertAskedFirst(uploads, request);
  assertUncompressed(request);
  assertFits(uploads, request);
  const { UploadBody } = await import('./upload-body.ts');
  const contentType = headers['content-type'] ?? '';
  const chunks = request.chunks();
  const body = new UploadBody({ contentType, chunks, signal, limits: uploads.limits, clock });
  try {
    const { operations, uploadCount } = await body.request;
    return {
      method,
      request: toOperation(operations),
      form: { hasFiles: uploadCount > 0, release: () => body.release() },
    };
  } catch (error) {
    body.release();
    throw error;
  }
}

/** What counts an operation, and lets go of its form, if it came in one, when it is over. */
export function releasing(counted: Counted, { form }: HttpOperation): Counted {
  if (!form) return counted;
  return {
    leave() {
      form.release();
      counted.leave();
    },
  };
}

/** A form is what a page of another site can make a browser send without asking; a header that is none of the few ordinary ones makes it ask. */
function assertAskedFirst({ preflightHeaders }: EffectiveUploads, { headers }: HttpRequest): void {
  if (preflightHeaders.length === 0 || preflightHeaders.some((name) => headers[name] !== undefined))
    return;
  throw new HttpProblem(
    'CROSS_SITE_REQUEST',
    `a form needs one of these headers, with any value: ${preflightHeaders.join(', ')}`,
  );
}

function assertFits({ limits }: EffectiveUploads, { headers }: HttpRequest): void {
  if (Number(headers['content-length'] ?? 0) > limits.totalBytes) {
    throw exceeded(limits, 'totalBytes');
  }
}

function mediaTypeOf(headers: HttpRequest['headers']): string | undefined {
  return parseMediaType(headers['content-type'] ?? '')?.mediaType;
}
