import { notifyDisconnect } from './connect.ts';
import type { AcceptedFormats } from './answer-format.ts';
import { acceptsNothing, readAccepted } from './answer-format.ts';
import type { ServerCore } from './core.ts';
import { HttpAnswer } from './http-answer.ts';
import type { HttpContext, HttpRequest } from './http-context.ts';
import { connectOverHttp } from './http-context.ts';
import { HttpProblem } from './http-problem.ts';
import type { HttpOperation } from './http-request.ts';
import { readOperation } from './http-request.ts';
import type { HttpResponse } from './http-response.ts';
import { answerProblem, nobodyListens } from './http-response.ts';
import { OperationRun } from './operation-run.ts';
import type { SessionEvent } from './options.ts';
import { handleSingleMode, isSingleMode } from './sse-single.ts';

/**
 * Serves operations over HTTP: a single result as GraphQL over HTTP describes, or a stream of results as the client accepts it. Never rejects.
 */
export async function handleHttp(
  context: HttpContext,
  request: HttpRequest,
): Promise<HttpResponse> {
  const { core } = context;
  const accepted = readAccepted(request.headers['accept'], core.protocols);
  const mediaType = accepted.json?.mediaType;
  try {
    if (core.protocols.includes('sse-single') && isSingleMode(context, request)) {
      return await handleSingleMode(context, request);
    }
    if (acceptsNothing(accepted)) throw nothingAcceptable();
    return await serve(context, request, accepted);
  } catch (error) {
    if (error instanceof HttpProblem) return answerProblem(core, error, mediaType);
    if (request.signal?.aborted) return nobodyListens;
    core.report(error, 'http');
    return answerProblem(
      core,
      new HttpProblem('INTERNAL_SERVER_ERROR', 'Internal server error'),
      mediaType,
    );
  }
}

/** The answer of a server that is being closed. */
export function refuseWhileClosing(core: ServerCore): HttpResponse {
  return answerProblem(core, new HttpProblem('GOING_AWAY', 'the server is closing'));
}

function nothingAcceptable(): HttpProblem {
  return new HttpProblem(
    'NOT_ACCEPTABLE',
    'the answer would be application/graphql-response+json, application/json or a stream of results',
  );
}

async function serve(
  context: HttpContext,
  request: HttpRequest,
  accepted: AcceptedFormats,
): Promise<HttpResponse> {
  const operation = await readOperation(context.core, request);
  const event = await connectOverHttp(context.core, request, 'http');
  if (request.signal?.aborted) {
    notifyDisconnect(context.core, { ...event, code: 1006, reason: '' });
    return nobodyListens;
  }
  return answer(context, { request, event, operation, accepted });
}

interface Question {
  readonly request: HttpRequest;
  readonly event: SessionEvent<object>;
  readonly operation: HttpOperation;
  readonly accepted: AcceptedFormats;
}

/** Resolves with the answer, or with its beginning if it is a stream. */
function answer(
  { core, streams }: HttpContext,
  { request, event, operation, accepted }: Question,
): Promise<HttpResponse> {
  return new Promise((resolve) => {
    const { signal } = request;
    const finish = (): void => {
      if (!streams.delete(responder)) return;
      signal?.removeEventListener('abort', leave);
      notifyDisconnect(core, { ...event, code: signal?.aborted ? 1006 : 1000, reason: '' });
    };
    const responder = new HttpAnswer(core, {
      method: operation.method,
      accepted,
      respond(response) {
        resolve(response);
        if (response.kind === 'whole') finish();
      },
      onGone() {
        run.cancel();
        finish();
      },
    });
    const admission = { objection: responder.objectionTo };
    const work = { session: event, request: operation.request, admission };
    const run = new OperationRun(core, work, responder);
    const leave = (): void => {
      run.cancel();
      responder.cut();
      resolve(nobodyListens);
      finish();
    };
    signal?.addEventListener('abort', leave, { once: true });
    streams.add(responder);
    void run.start(); // never rejects
  });
}
