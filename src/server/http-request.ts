import type { OperationRequest } from '../vocabulary.ts';
import type { ServerCore } from './core.ts';
import { HttpProblem } from './http-problem.ts';
import type { HttpRequest } from './http-context.ts';
import { parseMediaType } from './media-type.ts';
import { isForeignOrigin } from './origin.ts';

/** A request with the method that brought it: GET may not change anything. */
export interface HttpOperation {
  readonly method: 'GET' | 'POST';
  readonly request: OperationRequest;
  /** If it came in a form, perhaps with files. */
  readonly form?: OperationForm;
}

/** The rest of a form: it is read while the operation is executed. */
export interface OperationForm {
  readonly hasFiles: boolean;
  /** Ends the reading. Releasing twice is harmless. */
  release(): void;
}

/** Reads the operation out of a request; throws {@link HttpProblem} for one that is not well formed. */
export async function readOperation(
  core: ServerCore,
  request: HttpRequest,
): Promise<HttpOperation> {
  switch (request.method) {
    case 'GET':
      assertNotCrossSite(core, request);
      return { method: 'GET', request: toOperation(readQuery(request.url)) };
    case 'POST':
      return { method: 'POST', request: toOperation(await readBody(core, request)) };
    default: {
      const allow = allowedMethods(core);
      throw new HttpProblem('METHOD_NOT_ALLOWED', `use ${allow}`, { allow });
    }
  }
}

/** The `Allow` header of a path: PUT and DELETE belong to the single connection mode of event streams. */
export function allowedMethods({ protocols }: Pick<ServerCore, 'protocols'>): string {
  return protocols.includes('sse-single') ? 'GET, POST, PUT, DELETE' : 'GET, POST';
}

/**
 * A page of another site can make a browser send a GET without asking first; the browser says so in `Sec-Fetch-Site`, older ones in `Origin`.
 * POST needs no such check: its content type makes browsers ask.
 */
function assertNotCrossSite(core: ServerCore, request: HttpRequest): void {
  const site = request.headers['sec-fetch-site'];
  const isOwn = site === undefined || site === 'same-origin' || site === 'none';
  const isAllowed = request.headers['origin'] !== undefined && !isForeignOrigin(core, request);
  const isForeign = isForeignOrigin(core, request);
  if ((isOwn && !isForeign) || isAllowed) return;
  throw new HttpProblem('CROSS_SITE_REQUEST', 'cross-site GET is refused; use POST');
}

function readQuery(url: string): Readonly<Record<string, unknown>> {
  const parameters = new URL(url, 'http://host.invalid').searchParams;
  const read = (name: string): string | undefined => {
    const values = parameters.getAll(name);
    if (values.length > 1) throw new HttpProblem('BAD_REQUEST', `parameter ${name} occurs twice`);
    return values[0] === '' ? undefined : values[0];
  };
  return {
    // empty is a text, too: a document without an operation
    query: read('query') ?? (parameters.has('query') ? '' : undefined),
    operationName: read('operationName'),
    variables: parseJson(read('variables'), 'variables'),
    extensions: parseJson(read('extensions'), 'extensions'),
    documentId: read('documentId'),
  };
}

async function readBody(
  core: ServerCore,
  request: HttpRequest,
): Promise<Readonly<Record<string, unknown>>> {
  assertJson(request);
  assertUncompressed(request);
  const { bodyBytes } = core.limits;
  const body = await readInTime(core, request);
  if (body === 'too-big')
    throw new HttpProblem('MESSAGE_TOO_BIG', `limits.bodyBytes of ${bodyBytes} exceeded`);
  const value = parseJson(body.text, 'the body');
  if (!isObject(value)) throw new HttpProblem('BAD_REQUEST', 'the body must be a JSON object');
  return value;
}

/** Bodies are JSON in UTF-8 as it is: what is written otherwise would be read as something that nobody sent. */
function assertJson({ headers }: HttpRequest): void {
  const type = parseMediaType(headers['content-type'] ?? '');
  const charset = type?.parameters.get('charset')?.toLowerCase() ?? 'utf-8';
  if (type?.mediaType === 'multipart/form-data') {
    throw new HttpProblem(
      'UNSUPPORTED_MEDIA_TYPE',
      'no files are accepted here; the content type must be application/json in UTF-8',
    );
  }
  if (type?.mediaType !== 'application/json' || charset !== 'utf-8') {
    throw new HttpProblem(
      'UNSUPPORTED_MEDIA_TYPE',
      'the content type must be application/json in UTF-8',
    );
  }
}

/** Throws {@link HttpProblem} for a body in a coding: none is decoded, so that none grows. */
export function assertUncompressed({ headers }: HttpRequest): void {
  const coding = headers['content-encoding']?.trim().toLowerCase() ?? 'identity';
  if (coding === 'identity' || coding === '') return;
  // says that it is the coding, not the type (RFC 9110 section 15.5.16)
  throw new HttpProblem('UNSUPPORTED_MEDIA_TYPE', 'the body must not be compressed', {
    'accept-encoding': 'identity',
  });
}

/** A body that comes a byte now and then would keep its connection for as long as its client likes. */
function readInTime(core: ServerCore, request: HttpRequest): ReturnType<HttpRequest['body']> {
  const { bodyBytes, bodyMs } = core.limits;
  if (bodyMs === Infinity) return request.body(bodyBytes);
  return new Promise((resolve, reject) => {
    const giveUp = (): void =>
      reject(
        new HttpProblem('REQUEST_TIMEOUT', `limits.bodyMs of ${bodyMs} exceeded`, {
          connection: 'close',
        }),
      );
    const cancel = core.clock.schedule(giveUp, bodyMs);
    void request.body(bodyBytes).then(resolve, reject).finally(cancel);
  });
}

function parseJson(text: string | undefined, what: string): unknown {
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    throw new HttpProblem('BODY_NOT_JSON', `${what} must be JSON`);
  }
}

/** Reads the members of a request; throws {@link HttpProblem}. */
export function toOperation(value: Readonly<Record<string, unknown>>): OperationRequest {
  const { operationName, variables } = value;
  const extensions = toExtensions(value);
  const query = value['query'] ?? (namesDocument(extensions) ? '' : undefined);
  if (typeof query !== 'string') throw new HttpProblem('BAD_REQUEST', '`query` must be a string');
  return {
    query,
    ...(isPresent(operationName) && { operationName: toText(operationName, 'operationName') }),
    ...(isPresent(variables) && { variables: toMap(variables, 'variables') }),
    ...(extensions && { extensions }),
  };
}

/** The convention of persisted documents has `documentId` beside `query`; past this point it is an extension, as on every other transport. */
function toExtensions({
  extensions,
  documentId,
}: Readonly<Record<string, unknown>>): OperationRequest['extensions'] {
  const given = isPresent(extensions) ? toMap(extensions, 'extensions') : undefined;
  return isPresent(documentId) ? { ...given, documentId } : given;
}

function namesDocument(extensions: OperationRequest['extensions']): boolean {
  return isPresent(extensions?.['documentId']) || isPresent(extensions?.['persistedQuery']);
}

function toText(value: unknown, name: string): string {
  if (typeof value === 'string') return value;
  throw new HttpProblem('BAD_REQUEST', `\`${name}\` must be a string`);
}

function toMap(value: unknown, name: string): Readonly<Record<string, unknown>> {
  if (isObject(value)) return value;
  throw new HttpProblem('BAD_REQUEST', `\`${name}\` must be an object`);
}

function isPresent(value: unknown): boolean {
  return value !== undefined && value !== null;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
