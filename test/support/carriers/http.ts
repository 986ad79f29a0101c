import type { FormattedResult } from 'millrace';
import type { HttpResponse } from 'millrace/server';

import { MultipartParser } from '../../../src/protocol/multipart/multipart-parser.ts';
import { parseBoundary } from '../../../src/protocol/multipart/parse-boundary.ts';
import type { MemoryRequest } from '../memory-stream.ts';
import { MemoryStream } from '../memory-stream.ts';
import { boundary, formText, requestParts } from '../upload-stage.ts';
import type { Asked, Carrier, Exchange, Heard, Obstacle } from './carrier.ts';
import { isResult, toComplaint, toHeard } from './carrier.ts';

const single = 'application/graphql-response+json';
const eventStream = 'text/event-stream';
const multipart = 'multipart/mixed;subscriptionSpec=1.0';

const unsafe: Obstacle = { code: 'METHOD_NOT_ALLOWED', because: 'GET may change nothing' };
const oneResult: Obstacle = {
  code: 'NOT_ACCEPTABLE',
  because: 'the client reads one result, a subscription has many',
};
const manyResults: Obstacle = {
  code: 'NOT_ACCEPTABLE',
  because: 'the client reads the parts of subscriptions alone',
};

export const httpPost: Carrier = {
  ask: inOneRequest(post, single),
  refuses: { subscription: oneResult },
};
/** In a form, as clients do that send files. */
export const httpForm: Carrier = {
  ask: inOneRequest(postForm, single),
  refuses: { subscription: oneResult },
};
export const httpGet: Carrier = {
  ask: inOneRequest(get, single),
  refuses: { mutation: unsafe, subscription: oneResult },
};
export const ssePost: Carrier = { ask: inOneRequest(post, eventStream), refuses: {} };
export const sseGet: Carrier = {
  ask: inOneRequest(get, eventStream),
  refuses: { mutation: unsafe },
};
export const multipartPost: Carrier = {
  ask: inOneRequest(post, multipart),
  refuses: { query: manyResults, mutation: manyResults },
};

/** As clients ask for `@defer` and `@stream`; what has no parts is JSON to them. */
export const partsPost: Carrier = {
  ask: inOneRequest(post, 'multipart/mixed;incrementalSpec=v0.2'),
  refuses: { subscription: oneResult },
};
export const patchesPost: Carrier = {
  ask: inOneRequest(post, 'multipart/mixed;deferSpec=20220824'),
  refuses: { subscription: oneResult },
};

function post(body: object): MemoryRequest {
  return { body };
}

function postForm(operations: object): MemoryRequest {
  const headers = {
    'content-type': `multipart/form-data; boundary=${boundary}`,
    'graphql-require-preflight': '1',
  };
  return { headers, body: formText(requestParts(operations, {})) };
}

/** Texts stand in a URL as they are, all else as JSON. */
function get(request: object): MemoryRequest {
  const parameters = Object.entries(request)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => [name, typeof value === 'string' ? value : JSON.stringify(value)]);
  return { method: 'GET', url: `/graphql?${String(new URLSearchParams(parameters))}` };
}

function inOneRequest(
  toRequest: (request: object) => MemoryRequest,
  accept: string,
): Carrier['ask'] {
  return async ({ server }, { request }) => {
    const made = toRequest(request);
    const stream = new MemoryStream(server, { ...made, headers: { ...made.headers, accept } });
    return { hear: async () => hearAnswer(stream), leave: () => stream.leave() };
  };
}

async function hearAnswer(stream: MemoryStream): Promise<Heard> {
  if (!stream.hasBegun) return { results: [] };
  const response = await stream.answered;
  if (response.kind === 'whole') return toHeard(JSON.parse(response.body) as FormattedResult);
  const contentType = response.headers['content-type'] ?? '';
  return contentType === eventStream
    ? hearEvents(stream, (data) => data as FormattedResult)
    : hearParts(stream, contentType);
}

/** Events of one operation; `toResult` takes them out of what is around them in the single connection mode. */
function hearEvents(stream: MemoryStream, toResult: (data: unknown) => FormattedResult): Heard {
  const events = stream.events();
  const responses = events.filter(([name]) => name === 'next').map(([, data]) => toResult(data));
  const isComplete = events.at(-1)?.[0] === 'complete';
  if (events.filter(([name]) => name === 'complete').length > 1) throw new Error('two ends');
  return summarise(responses, isComplete ? 'completed' : endOf(stream));
}

function endOf(stream: MemoryStream): 'cut' | undefined {
  return stream.ending === 'open' ? undefined : 'cut';
}

function hearParts(stream: MemoryStream, contentType: string): Heard {
  const parser = new MultipartParser(parseBoundary(contentType));
  const bodies = parser
    .push(new TextEncoder().encode(stream.text))
    .map(({ body }) => JSON.parse(body) as PartBody & FormattedResult);
  const responses = contentType.includes('subscriptionSpec')
    ? bodies
        .filter((part) => part.payload !== undefined)
        .map(({ payload, errors = [] }) => payload ?? { errors })
    : bodies;
  return summarise(responses, parser.hasEnded ? 'completed' : endOf(stream));
}

interface PartBody extends Pick<FormattedResult, 'errors'> {
  readonly payload?: FormattedResult | null;
}

/** A response without data can only be the last: then it is the end. */
function summarise(
  responses: readonly FormattedResult[],
  end: 'completed' | 'cut' | undefined,
): Heard {
  const results = responses.filter(isResult);
  const refusal = responses.find((response) => !isResult(response));
  if (refusal && responses.at(-1) !== refusal) throw new Error('a result after errors');
  if (end !== 'completed' || !refusal) return { results, ...(end && { end }) };
  return { results, end: { errors: (refusal.errors ?? []).map(toComplaint) } };
}

/** A stream that is reserved by one request, opened by a second, and used by a third. */
export const sseSingle: Carrier = {
  refuses: {},
  async ask({ server }, { request }) {
    const reserved = await new MemoryStream(server, { method: 'PUT' }).answered;
    const token = bodyOf(reserved);
    if (reserved.status !== 201) return over(toHeard(JSON.parse(token) as FormattedResult));
    const headers = { 'x-graphql-event-stream-token': token };
    const stream = new MemoryStream(server, {
      method: 'GET',
      headers: { ...headers, accept: eventStream },
    });
    const execution = new MemoryStream(server, { headers, body: withId(request) });
    return {
      hear: async () => (await hearRefusal(execution)) ?? hearEvents(stream, payloadOf),
      leave() {
        execution.leave();
        stream.leave();
      },
    };
  },
};

function over(heard: Heard): Exchange {
  return { hear: async () => heard, leave: () => {} };
}

async function hearRefusal(execution: MemoryStream): Promise<Heard | undefined> {
  if (!execution.hasBegun) return { results: [] };
  const response = await execution.answered;
  return response.status === 202
    ? undefined
    : toHeard(JSON.parse(bodyOf(response)) as FormattedResult);
}

function withId(request: Asked['request']): object {
  const { extensions } = request as { readonly extensions?: unknown };
  const isMap = typeof extensions === 'object' && !Array.isArray(extensions);
  const isAbsent = extensions === undefined;
  // what is no map is sent as it is: the server has to refuse it
  if (!isMap && !isAbsent) return request;
  return { ...request, extensions: { ...extensions, operationId: '1' } };
}

function payloadOf(data: unknown): FormattedResult {
  return (data as { readonly payload: FormattedResult }).payload;
}

function bodyOf(response: HttpResponse): string {
  if (response.kind === 'whole') return response.body;
  throw new Error('unexpected stream');
}
