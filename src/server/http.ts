import { errorEntry, isErrorCode } from '../errors.ts';
import type { FormattedError } from '../vocabulary.ts';
import { decideConnect, notifyDisconnect } from './connect.ts';
import type { ServerCore } from './core.ts';
import type { HttpOperation } from './http-request.ts';
import { HttpProblem, objectionTo, readOperation } from './http-request.ts';
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

const graphqlResponse = 'application/graphql-response+json';

/** Serves queries and mutations by POST, and queries by GET, as GraphQL over HTTP describes; never rejects. */
export async function handleHttp(core: ServerCore, request: HttpRequest): Promise<HttpResponse> {
  try {
    const operation = await readOperation(core, request);
    const decision = await decideConnect(core, { request, protocol: 'http', connectionParams: {} });
    switch (decision.kind) {
      case 'failed':
        return answerProblem(new HttpProblem('INTERNAL_SERVER_ERROR', 'Internal server error'));
      case 'refused':
        return answerProblem(new HttpProblem('FORBIDDEN', decision.reason ?? 'Forbidden'));
      case 'accepted': {
        const event: SessionEvent<object> = {
          session: decision.session,
          request,
          protocol: 'http',
        };
        const response = await answer(core, event, operation, request.signal);
        notifyDisconnect(core, { ...event, code: 1000, reason: '' });
        return response;
      }
    }
  } catch (error) {
    if (error instanceof HttpProblem) return answerProblem(error);
    core.report(error, 'http');
    return answerProblem(new HttpProblem('INTERNAL_SERVER_ERROR', 'Internal server error'));
  }
}

function answer(
  core: ServerCore,
  session: SessionEvent<object>,
  operation: HttpOperation,
  signal: AbortSignal | undefined,
): Promise<HttpResponse> {
  const mediaType = session.request.headers['accept']?.includes(graphqlResponse)
    ? graphqlResponse
    : 'application/json';
  return new Promise((resolve) => {
    const respond = (body: string, status = 200): void =>
      resolve({ status, headers: { 'content-type': `${mediaType}; charset=utf-8` }, body });
    const run = new OperationRun(
      core,
      {
        session,
        request: operation.request,
        admission: { objection: (prepared) => objectionTo(prepared, operation, core) },
      },
      {
        next: (resultText) => respond(resultText),
        error: (errors) => respond(JSON.stringify({ errors }), statusFor(errors, mediaType)),
        complete: () => {},
        room: () => undefined,
      },
    );
    const cancel = (): void => {
      run.cancel();
      respond('', 499);
    };
    signal?.addEventListener('abort', cancel, { once: true });
    void run.start().finally(() => signal?.removeEventListener('abort', cancel)); // never rejects
  });
}

/** `application/json` cannot tell an answer of the server from one of a proxy, so well-formed requests get 200 there. */
function statusFor(errors: readonly FormattedError[], mediaType: string): number {
  const code = errors[0]?.extensions?.['code'];
  const { httpStatus = 400 } = errorEntry(isErrorCode(code) ? code : 'BAD_REQUEST');
  return httpStatus === 400 && mediaType !== graphqlResponse ? 200 : httpStatus;
}

function answerProblem(problem: HttpProblem): HttpResponse {
  const { httpStatus = 500 } = errorEntry(problem.code);
  const error: FormattedError = { message: problem.message, extensions: { code: problem.code } };
  return {
    status: httpStatus,
    headers: { 'content-type': 'application/json; charset=utf-8', ...problem.headers },
    body: JSON.stringify({ errors: [error] }),
  };
}
