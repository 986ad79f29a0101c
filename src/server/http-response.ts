import { errorEntry, isErrorCode } from '../errors.ts';
import type { ErrorCode } from '../errors.ts';
import { writeErrors } from '../protocol/index.ts';
import type { FormattedError, FormattedResult } from '../vocabulary.ts';
import type { ResultMediaType } from './answer-format.ts';
import { retryLater } from './capacity.ts';
import type { ServerCore } from './core.ts';
import { HttpProblem } from './http-problem.ts';
import type { ByteStream, ResponseStream, ResponseStreamEvents } from './response-stream.ts';
import type { StreamSession } from './stream-session.ts';

/** What an adapter answers: everything at once, or a stream that begins with the headers. */
export type HttpResponse =
  | {
      readonly kind: 'whole';
      readonly status: number;
      readonly headers: Readonly<Record<string, string>>;
      readonly body: string;
    }
  | {
      readonly kind: 'stream';
      readonly status: number;
      readonly headers: Readonly<Record<string, string>>;
      /** Called once, when the headers are sent. */
      open(stream: ResponseStream | ByteStream): ResponseStreamEvents;
    };

/** The client left; no status of its own exists for what nobody reads. */
export const nobodyListens: HttpResponse = { kind: 'whole', status: 499, headers: {}, body: '' };

/** Headers that keep caches and proxies from holding a stream back. */
const streamHeaders = { 'cache-control': 'no-cache, no-transform', 'x-accel-buffering': 'no' };

export function toStreamResponse(contentType: string, session: StreamSession): HttpResponse {
  return {
    kind: 'stream',
    status: 200,
    headers: { 'content-type': contentType, vary: 'accept', ...streamHeaders },
    open: (stream) => session.open(stream),
  };
}

/** What is refused now may be executed a moment later: when somebody has sent the text of a persisted query, or a document became trusted. */
const notToBeCached = { 'cache-control': 'private, no-cache, must-revalidate' };

/** One result: `data`, perhaps with errors. */
export function answerResult(
  core: ServerCore,
  mediaType: ResultMediaType,
  { resultText, result }: { readonly resultText: string; readonly result: FormattedResult },
): HttpResponse {
  const { data, errors } = result;
  // a hook may have put errors in place of a result, and what has no `data` is no success
  if (data === undefined && errors !== undefined) return answerErrors(core, mediaType, errors);
  // the draft means 294 for its own media type; old clients of JSON know no success but 200
  const isPartial = errors !== undefined && mediaType === 'application/graphql-response+json';
  return toWhole(mediaType, { status: isPartial && isDraft(core) ? 294 : 200, body: resultText });
}

/** Errors of a well-formed request, before anything was executed. */
export function answerErrors(
  core: ServerCore,
  mediaType: ResultMediaType,
  errors: readonly FormattedError[],
): HttpResponse {
  const status = statusOf(core, codeOf(errors));
  const body = writeErrors(errors, (all) => JSON.stringify({ errors: all }));
  const headers = {
    ...notToBeCached,
    // the one method that is too little for an operation is GET (RFC 9110 section 15.5.6)
    ...(status === 405 && { allow: 'POST' }),
  };
  const errorType = errorTypeFor(core, mediaType);
  // `application/json` cannot tell an answer of the server from one of a proxy, so well-formed requests get 200 there
  const isOrdinary = status === 400 && errorType === 'application/json';
  return toWhole(errorType, { status: isOrdinary ? 200 : status, body, headers });
}

/** A request that never became an operation. */
export function answerProblem(
  core: ServerCore,
  problem: HttpProblem,
  mediaType: ResultMediaType = 'application/json',
): HttpResponse {
  const { message, code, details } = problem;
  const error: FormattedError = { message, extensions: { ...details, code } };
  return toWhole(errorTypeFor(core, mediaType), {
    status: statusOf(core, code),
    body: JSON.stringify({ errors: [error] }),
    headers: problem.headers,
  });
}

/** In the draft an error keeps its type whatever was accepted, which tells it from one of a proxy; ours are all GraphQL responses. */
function errorTypeFor(core: ServerCore, accepted: ResultMediaType): ResultMediaType {
  return isDraft(core) ? 'application/graphql-response+json' : accepted;
}

/** The answer of a server that is drained or closed: on another connection somebody else may answer. */
export function refuseWhileClosing(core: ServerCore): HttpResponse {
  return answerProblem(
    core,
    new HttpProblem('GOING_AWAY', 'the server is closing', { connection: 'close' }),
  );
}

/** What is refused because of the request, of who sent it or when; its document may be whatever it is. */
const codesOfRequests: ReadonlySet<ErrorCode> = new Set([
  'UNAUTHORIZED',
  'FORBIDDEN',
  'CREDENTIALS_EXPIRED',
  'SESSION_REVOKED',
  'METHOD_NOT_ALLOWED',
  'NOT_ACCEPTABLE',
  'AT_CAPACITY',
  'GOING_AWAY',
]);

/** Whether `errors` concern the operation, so that a stream of its results may tell of them; others need a status. */
export function areAboutOperation(errors: readonly FormattedError[]): boolean {
  return !codesOfRequests.has(codeOf(errors));
}

/** Errors of the host program may carry a code of their own, or none. */
function codeOf(errors: readonly FormattedError[]): ErrorCode {
  const code = errors[0]?.extensions?.['code'];
  return isErrorCode(code) ? code : 'BAD_REQUEST';
}

/** An answer that is no GraphQL response. */
export function toText(status: number, body: string): HttpResponse {
  return { kind: 'whole', status, headers: { 'content-type': 'text/plain; charset=utf-8' }, body };
}

function statusOf(core: ServerCore, code: ErrorCode): number {
  const { httpStatus = 400, draftHttpStatus = httpStatus } = errorEntry(code);
  return isDraft(core) ? draftHttpStatus : httpStatus;
}

function isDraft({ options }: ServerCore): boolean {
  return options.statusVintage === 'draft';
}

interface Content {
  readonly status: number;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}

function toWhole(
  mediaType: ResultMediaType,
  { status, body, headers = {} }: Content,
): HttpResponse {
  return {
    kind: 'whole',
    status,
    headers: {
      'content-type': `${mediaType}; charset=utf-8`,
      vary: 'accept',
      // RFC 6585 section 4, RFC 9110 section 15.6.4: time heals both
      ...((status === 429 || status === 503) && retryLater),
      ...headers,
    },
    body,
  };
}
