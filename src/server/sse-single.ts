import { distinctFraming } from '../protocol/index.ts';
import type { HttpContext, HttpRequest, HttpSession } from './http-context.ts';
import { connectOverHttp } from './http-context.ts';
import { HttpProblem } from './http-problem.ts';
import type { HttpOperation } from './http-request.ts';
import { allowedMethods, readOperation } from './http-request.ts';
import type { HttpResponse } from './http-response.ts';
import { nobodyListens, toStreamResponse, toText } from './http-response.ts';
import { weightOf } from './media-type.ts';

const tokenHeader = 'x-graphql-event-stream-token';

/** What names an operation in a URL. */
const operationParameters = ['query', 'documentId', 'extensions'] as const;

/** The token that a request carries, in its header or its URL. */
function tokenOf({ headers, url }: HttpRequest): string | undefined {
  return headers[tokenHeader] ?? parameter(url, 'token');
}

/**
 * Whether a request belongs to the single connection mode of GraphQL over Server-Sent Events.
 *
 * @remarks
 * Programs use a URL parameter called `token` for their own purposes, too: beside an operation it counts only if it names a stream.
 */
export function isSingleMode({ core, reservations }: HttpContext, request: HttpRequest): boolean {
  if (!core.protocols.includes('sse-single')) return false;
  if (request.method === 'PUT' || request.method === 'DELETE') return true;
  if (request.headers[tokenHeader] !== undefined) return true;
  const token = parameter(request.url, 'token');
  return token !== undefined && (reservations.has(token) || opensStream(request));
}

/**
 * Throws {@link HttpProblem} for an ordinary request whose URL has a token and whose operation has an id: its stream is gone, and its client waits for
 * results there.
 */
export function assertNoStreamMeant(
  { core, reservations }: HttpContext,
  { url }: HttpRequest,
  { request }: HttpOperation,
): void {
  const token = parameter(url, 'token');
  if (token === undefined || request.extensions?.['operationId'] === undefined) return;
  if (core.protocols.includes('sse-single')) reservations.assertExists(token);
}

/** Serves the single connection mode: reserve, open, execute, stop. Rejects with {@link HttpProblem}. */
export async function handleSingleMode(
  context: HttpContext,
  request: HttpRequest,
): Promise<HttpResponse> {
  switch (request.method) {
    case 'PUT':
      return reserve(context, request);
    case 'DELETE':
      return stop(context, request);
    case 'GET':
    case 'POST':
      return opensStream(request) ? open(context, request) : execute(context, request);
    default: {
      const allow = allowedMethods(context.core);
      throw new HttpProblem('METHOD_NOT_ALLOWED', `use ${allow}`, { allow });
    }
  }
}

async function reserve(context: HttpContext, request: HttpRequest): Promise<HttpResponse> {
  if (weightOf(request.headers['accept'], 'text/plain') === 0) {
    throw new HttpProblem('NOT_ACCEPTABLE', 'a reservation is answered in text/plain');
  }
  const session = await connect(context, request);
  return unlessRefused(session, () => {
    if (request.signal?.aborted) {
      session.end(1006);
      return nobodyListens;
    }
    return toText(201, context.reservations.reserve(session).token);
  });
}

/** A request without an operation that accepts an event stream. */
function opensStream({ method, url, headers }: HttpRequest): boolean {
  if (weightOf(headers['accept'], distinctFraming.contentType) === 0) return false;
  // a GET has no body, whatever its headers say
  if (method === 'POST' && headers['content-type'] !== undefined) return false;
  return operationParameters.every((name) => parameter(url, name) === undefined);
}

async function open(context: HttpContext, request: HttpRequest): Promise<HttpResponse> {
  const token = findToken(context, request);
  const session = await connect(context, request);
  return unlessRefused(session, () => {
    const reservation = context.reservations.find(token, session);
    session.end();
    const { signal } = request;
    if (signal?.aborted) return nobodyListens;
    const stream = reservation.open();
    signal?.addEventListener('abort', () => stream.cut(), { once: true });
    return toStreamResponse(distinctFraming.contentType, stream);
  });
}

async function stop(context: HttpContext, request: HttpRequest): Promise<HttpResponse> {
  const token = findToken(context, request);
  const id = parameter(request.url, 'operationId');
  if (id === undefined)
    throw new HttpProblem('BAD_REQUEST', 'the parameter operationId is missing');
  const session = await connect(context, request);
  return unlessRefused(session, () => {
    context.reservations.find(token, session).stop(id);
    session.end();
    return toText(200, '');
  });
}

async function execute(context: HttpContext, request: HttpRequest): Promise<HttpResponse> {
  const token = findToken(context, request);
  const operation = await readOperation(context.core, request);
  const session = await connect(context, request);
  return unlessRefused(session, () =>
    context.reservations.find(token, session).execute(operation, session),
  );
}

/** The token of a request; throws {@link HttpProblem} before anything is asked or read if it names no stream. */
function findToken({ reservations }: HttpContext, request: HttpRequest): string {
  const token = tokenOf(request) ?? '';
  reservations.assertExists(token);
  return token;
}

function connect({ core }: HttpContext, request: HttpRequest): Promise<HttpSession> {
  return connectOverHttp(core, request, 'sse-single');
}

/** A session whose request comes to nothing ends with it. */
function unlessRefused<Answer>(session: HttpSession, answer: () => Answer): Answer {
  try {
    return answer();
  } catch (error) {
    session.end();
    throw error;
  }
}

function parameter(url: string, name: string): string | undefined {
  const value = new URL(url, 'http://host.invalid').searchParams.get(name);
  return value === null || value === '' ? undefined : value;
}
