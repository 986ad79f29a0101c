import type { PreparedOperation } from '../execution/index.ts';
import { distinctFraming } from '../protocol/index.ts';
import type { FormattedError } from '../vocabulary.ts';
import type { NotAdmitted } from './admission.ts';
import { refusal } from './admission.ts';
import { notifyDisconnect } from './connect.ts';
import type { HttpContext, HttpRequest } from './http-context.ts';
import { connectOverHttp } from './http-context.ts';
import { HttpProblem } from './http-problem.ts';
import type { HttpOperation } from './http-request.ts';
import { readOperation } from './http-request.ts';
import type { HttpResponse } from './http-response.ts';
import { answerErrors, toStreamResponse } from './http-response.ts';
import { weightOf } from './media-type.ts';
import { OperationRun } from './operation-run.ts';
import type { SessionEvent } from './options.ts';
import type { Reservation } from './sse-reservations.ts';

const tokenHeader = 'x-graphql-event-stream-token';

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
export function isSingleMode({ reservations }: HttpContext, request: HttpRequest): boolean {
  if (request.method === 'PUT' || request.method === 'DELETE') return true;
  const token = tokenOf(request);
  if (token === undefined) return false;
  return (
    request.headers[tokenHeader] !== undefined || reservations.has(token) || opensStream(request)
  );
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
    default:
      throw new HttpProblem('METHOD_NOT_ALLOWED', 'use GET, POST, PUT or DELETE', {
        allow: 'GET, POST, PUT, DELETE',
      });
  }
}

async function reserve(
  { core, reservations }: HttpContext,
  request: HttpRequest,
): Promise<HttpResponse> {
  if (weightOf(request.headers['accept'], 'text/plain') === 0) {
    throw new HttpProblem('NOT_ACCEPTABLE', 'a reservation is answered in text/plain');
  }
  const event = await connectOverHttp(core, request, 'sse-single');
  const { token } = reservations.reserve(event);
  return toText(201, token);
}

/** A request without an operation that accepts an event stream. */
function opensStream(request: HttpRequest): boolean {
  const accepts = weightOf(request.headers['accept'], distinctFraming.contentType) > 0;
  return (
    accepts &&
    request.headers['content-type'] === undefined &&
    parameter(request.url, 'query') === undefined
  );
}

async function open({ reservations }: HttpContext, request: HttpRequest): Promise<HttpResponse> {
  const reservation = reservations.find(tokenOf(request) ?? '');
  const session = reservation.open();
  request.signal?.addEventListener('abort', () => session.cut(), { once: true });
  return toStreamResponse(distinctFraming.contentType, session);
}

async function stop({ reservations }: HttpContext, request: HttpRequest): Promise<HttpResponse> {
  const reservation = reservations.find(tokenOf(request) ?? '');
  const id = parameter(request.url, 'operationId');
  if (id === undefined)
    throw new HttpProblem('BAD_REQUEST', 'the parameter operationId is missing');
  reservation.stop(id);
  return toText(200, '');
}

async function execute(context: HttpContext, request: HttpRequest): Promise<HttpResponse> {
  const { core, reservations } = context;
  const reservation = reservations.find(tokenOf(request) ?? '');
  const operation = await readOperation(core, request);
  const event = await connectOverHttp(core, request, 'sse-single');
  try {
    return await start(context, {
      reservation: reservations.find(reservation.token),
      operation,
      event,
    });
  } finally {
    notifyDisconnect(core, { ...event, code: 1000, reason: '' });
  }
}

interface Execution {
  readonly reservation: Reservation;
  readonly operation: HttpOperation;
  readonly event: SessionEvent<object>;
}

/** Resolves as soon as it is known whether the operation is executed; its results come on the stream. */
function start(
  { core }: HttpContext,
  { reservation, operation, event }: Execution,
): Promise<HttpResponse> {
  const { operationId, ...extensions } = operation.request.extensions ?? {};
  if (typeof operationId !== 'string' || operationId === '') {
    throw new HttpProblem('BAD_REQUEST', '`extensions.operationId` must be a non-empty string');
  }
  reservation.assertFree(operationId);
  return new Promise((resolve) => {
    let isAccepted = false;
    const objection = (prepared: PreparedOperation): NotAdmitted | undefined => {
      if (operation.method === 'GET' && prepared.kind === 'mutation') {
        return refusal('METHOD_NOT_ALLOWED', 'use POST for mutations');
      }
      isAccepted = true;
      resolve(toText(202, ''));
      return undefined;
    };
    const sink = reservation.sinkFor(operationId, () => reservation.release(operationId, run));
    const error = (errors: readonly FormattedError[]): void => {
      if (isAccepted) return sink.error(errors);
      reservation.release(operationId, run);
      resolve(answerErrors(core, 'application/graphql-response+json', errors));
    };
    const work = {
      session: event,
      request: { ...operation.request, extensions },
      admission: { objection },
    };
    const run = new OperationRun(core, work, { ...sink, error });
    reservation.add(operationId, run);
    void run.start(); // never rejects
  });
}

function parameter(url: string, name: string): string | undefined {
  const value = new URL(url, 'http://host.invalid').searchParams.get(name);
  return value === null || value === '' ? undefined : value;
}

function toText(status: number, body: string): HttpResponse {
  return { kind: 'whole', status, headers: { 'content-type': 'text/plain; charset=utf-8' }, body };
}
