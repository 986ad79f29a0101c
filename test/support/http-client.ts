import { once } from 'node:events';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { request } from 'node:http';

/** A request; what it leaves out is what a correct POST has. */
export interface HttpSent {
  readonly method?: string;
  readonly path?: string;
  /** `null` leaves a default header out. */
  readonly headers?: Readonly<Record<string, string | null>>;
  /** Sent as JSON unless it is a string. */
  readonly body?: unknown;
}

export interface HttpReceived {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** The body, if it is JSON. */
  readonly json: unknown;
}

const postHeaders = {
  'content-type': 'application/json',
  accept: 'application/graphql-response+json',
};

/** Sends one request over a connection of its own. */
export async function sendHttp(origin: string, sent: HttpSent): Promise<HttpReceived> {
  const { method = 'POST', path = '/graphql', body } = sent;
  const defaults = method === 'POST' ? postHeaders : { accept: postHeaders.accept };
  const headers = Object.entries({ ...defaults, ...sent.headers }).filter(
    (header): header is [string, string] => header[1] !== null,
  );
  const outgoing = request(new URL(path, origin), {
    method,
    headers: Object.fromEntries(headers),
    agent: false,
  });
  outgoing.end(typeof body === 'string' || body === undefined ? body : JSON.stringify(body));
  // an 'error' rejects
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
  const chunks: Buffer[] = await response.toArray();
  const text = Buffer.concat(chunks).toString('utf8');
  const isJson = response.headers['content-type']?.includes('json');
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    text,
    json: isJson ? JSON.parse(text) : undefined,
  };
}
