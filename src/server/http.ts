import { errorEntry, isErrorCode } from '../errors.ts';
import type { FormattedError } from '../vocabulary.ts';
import { decideConnect, notifyDisconnect } from './connect.ts';
import type { ServerCore } from './core.ts';
import type { HttpOperation } from './http-request.ts';
import { HttpProblem, objectionTo, readOperation } from './http-request.ts';
import { chooseMediaType } from './media-type.ts';
import { OperationRun } from './operation-run.ts';
import type { SessionEvent } from './options.ts';
import type { RequestHead } from './request-head.ts';

/** An HTTP request as an adapter hands it over. */
export interface HttpRequest extends RequestHead {
  /**
   * Reads the body as UTF-8 text.
   *
   * @remarks
   * Stops reading and resolves with `too-big` as soon as more than `maximumBytes` came.
   */
  body(maximumBytes: number): Promise<{ readonly text: string } | 'too-big'>;
  /** Aborted when the client leaves before its answer. */
  readonly signal?: AbortSignal;
}

/** What the adapter answers. */
export interface HttpResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What a client accepts of what we answer with; problems before that are told in plain JSON. */
type MediaType = (typeof offers)[number]['mediaType'];

/** Clients that know nothing of the newer type send wildcards. */
const offers = [
  { mediaType: 'application/graphql-response+json', hasToBeNamed: true },
  { mediaType: 'application/json' },
  { mediaType: 'application/graphql-response+json' },
] as const;

/** Serves queries and mutations by POST, and queries by GET, as GraphQL over HTTP describes; never rejects. */
export async function handleHttp(core: ServerCore, request: HttpRequest): Promise<HttpResponse> {
  const mediaType = chooseMediaType(request.headers['accept'], offers);
  if (mediaType === undefined) return answerProblem(nothingAcceptable);
  try {
    return await serve(core, request, mediaType);
  } catch (error) {
    if (error instanceof HttpProblem) return answerProblem(error, mediaType);
    if (request.signal?.aborted) return nobodyListens;
    core.report(error, 'http');
    return answerProblem(internalError(), mediaType);
  }
}

/** The answer of a server that is being closed. */
export function refuseWhileClosing(): HttpResponse {
  return answerProblem(new HttpProblem('GOING_AWAY', 'the server is closing'));
}

const nothingAcceptable = new HttpProblem(
  'NOT_ACCEPTABLE',
  `the answer would be ${offers[0].mediaType} or ${offers[1].mediaType}`,
);

/** The client left; no status of its own exists for what nobody reads. */
const nobodyListens: HttpResponse = { status: 499, headers: {}, body: '' };

function internalError(): HttpProblem {
  return new HttpProblem('INTERNAL_SERVER_ERROR', 'Internal server error');
}

async function serve(
  core: ServerCore,
  request: HttpRequest,
  mediaType: MediaType,
): Promise<HttpResponse> {
  const operation = await readOperation(core, request);
  const decision = await decideConnect(core, { request, protocol: 'http', connectionParams: {} });
  switch (decision.kind) {
    case 'failed':
      throw internalError();
    case 'refused':
      throw new HttpProblem('FORBIDDEN', decision.reason ?? 'Forbidden');
    case 'accepted': {
      const event: SessionEvent<object> = { session: decision.session, request, protocol: 'http' };
      const response = await answer(core, event, {
        ...operation,
        mediaType,
        signal: request.signal,
      });
      notifyDisconnect(core, { ...event, code: request.signal?.aborted ? 1006 : 1000, reason: '' });
      return response;
    }
  }
}

interface AwaitedOperation extends HttpOperation {
  readonly mediaType: MediaType;
  readonly signal: AbortSignal | undefined;
}

function answer(
  core: ServerCore,
  session: SessionEvent<object>,
  operation: AwaitedOperation,
): Promise<HttpResponse> {
  const { request, mediaType, signal } = operation;
  if (signal?.aborted) return Promise.resolve(nobodyListens);
  return new Promise((resolve) => {
    const run = new OperationRun(
      core,
      {
        session,
        request,
        admission: { objection: (prepared) => objectionTo(prepared, operation, core) },
      },
      {
        next: (resultText) => resolve(toResponse(mediaType, 200, resultText)),
        error: (errors) => resolve(answerErrors(errors, mediaType)),
        complete: () => {},
        room: () => undefined,
      },
    );
    const cancel = (): void => {
      run.cancel();
      resolve(nobodyListens);
    };
    signal?.addEventListener('abort', cancel, { once: true });
    void run.start().finally(() => signal?.removeEventListener('abort', cancel)); // never rejects
  });
}

function answerErrors(errors: readonly FormattedError[], mediaType: MediaType): HttpResponse {
  const code = errors[0]?.extensions?.['code'];
  const { httpStatus = 400 } = errorEntry(isErrorCode(code) ? code : 'BAD_REQUEST');
  // `application/json` cannot tell an answer of the server from one of a proxy, so well-formed requests get 200 there
  const status = httpStatus === 400 && mediaType === 'application/json' ? 200 : httpStatus;
  // the one method that is too little for an operation is GET (RFC 9110 section 15.5.6)
  const headers = status === 405 ? { allow: 'POST' } : {};
  return toResponse(mediaType, status, JSON.stringify({ errors }), headers);
}

function answerProblem(
  problem: HttpProblem,
  mediaType: MediaType = 'application/json',
): HttpResponse {
  const { httpStatus = 500 } = errorEntry(problem.code);
  const error: FormattedError = { message: problem.message, extensions: { code: problem.code } };
  return toResponse(mediaType, httpStatus, JSON.stringify({ errors: [error] }), problem.headers);
}

function toResponse(
  mediaType: MediaType,
  status: number,
  body: string,
  headers: Readonly<Record<string, string>> = {},
): HttpResponse {
  return {
    status,
    headers: { 'content-type': `${mediaType}; charset=utf-8`, vary: 'accept', ...headers },
    body,
  };
}
