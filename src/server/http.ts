import { hasCallback } from '../protocol/index.ts';
import type { AcceptedFormats } from './answer-format.ts';
import { acceptsNothing, describeOffers, readAccepted } from './answer-format.ts';
import { CallbackAnswer } from './callback/callback-answer.ts';
import { HttpAnswer } from './http-answer.ts';
import type { HttpContext, HttpRequest, HttpSession } from './http-context.ts';
import { connectOverHttp, internalError } from './http-context.ts';
import { HttpProblem, toHttpProblem } from './http-problem.ts';
import type { HttpOperation } from './http-request.ts';
import { readOperation } from './http-request.ts';
import type { HttpResponse } from './http-response.ts';
import { answerProblem, nobodyListens } from './http-response.ts';
import type { Counted } from './principals.ts';
import { assertNoStreamMeant, handleSingleMode, isSingleMode } from './sse-single.ts';
import { isForm, readForm, releasing } from './uploads/uploads.ts';

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
    if (isSingleMode(context, request)) return await handleSingleMode(context, request);
    if (acceptsNothing(accepted)) {
      throw new HttpProblem('NOT_ACCEPTABLE', `an operation ${describeOffers(core)}`);
    }
    return await serve(context, request, accepted);
  } catch (error) {
    if (error instanceof HttpProblem) return answerProblem(core, error, mediaType);
    if (request.signal?.aborted) return nobodyListens;
    core.report(error, 'http');
    return answerProblem(core, internalError(), mediaType);
  }
}

async function serve(
  context: HttpContext,
  request: HttpRequest,
  accepted: AcceptedFormats,
): Promise<HttpResponse> {
  const { core } = context;
  if (!isForm(core, request)) {
    return await execute(context, request, [await readOperation(core, request), accepted]);
  }
  const operation = await readForm(core, request);
  try {
    return await execute(context, request, [operation, accepted]);
  } catch (error) {
    operation.form.release();
    throw error;
  }
}

async function execute(
  context: HttpContext,
  request: HttpRequest,
  [operation, accepted]: readonly [HttpOperation, AcceptedFormats],
): Promise<HttpResponse> {
  assertNoStreamMeant(context, request, operation);
  const session = await connectOverHttp(context.core, request, 'http');
  const { signal } = request;
  if (signal?.aborted) {
    session.end(1006);
    return nobodyListens;
  }
  try {
    const counted = releasing(countOperation(context, session), operation);
    return await new Promise((respond) => {
      const question = { operation, accepted, session, counted, signal, respond };
      const Answer = wantsCallback(accepted, operation) ? CallbackAnswer : HttpAnswer;
      new Answer(context, question).start();
    });
  } catch (error) {
    session.end();
    throw error;
  }
}

/** Its client says so twice: in what it accepts, and by where results are to be sent. */
function wantsCallback({ callback }: AcceptedFormats, { method, request }: HttpOperation): boolean {
  return callback && method === 'POST' && hasCallback(request.extensions);
}

function countOperation({ core }: HttpContext, { event }: HttpSession): Counted {
  const counting = core.principals.startOperation(event.session);
  switch (counting.kind) {
    case 'failed':
      throw internalError();
    case 'refused':
      throw toHttpProblem(counting.error);
    case 'counted':
      return counting.counted;
  }
}
