import type { HttpResponse, ServerOptions } from 'millrace/server';
import { describe, expect, it } from 'vitest';

import type { Conversation } from '../support/conversation.ts';
import { converse } from '../support/conversation.ts';

const allowedOrigins = ['https://partner.example'];
const protocols: ServerOptions['protocols'] = ['sse', 'multipart'];

/** Sends what a browser would, and says what came of it. */
async function send(
  { server, app, clock }: Conversation,
  request: { readonly method: string; readonly url: string },
  headers: Readonly<Record<string, string>>,
): Promise<{ readonly response: HttpResponse; readonly sources: number }> {
  const leaving = new AbortController();
  const body = JSON.stringify({ query: '{ hello }' });
  const response = await server.handleRequest({
    ...request,
    headers: { host: 'app.example', cookie: 'user=ada', ...headers },
    body: () => Promise.resolve({ text: body }),
    signal: leaving.signal,
  });
  const sources = app.openSources();
  leaving.abort();
  await clock.settle();
  return { response, sources };
}

const toUrl = (query: string): string => `/graphql?${String(new URLSearchParams({ query }))}`;

/** What a page can make a browser send by GET without being asked. */
const carriers = [
  ['a query', '{ hello }', '*/*'],
  ['a query as an event stream', '{ hello }', 'text/event-stream'],
  [
    'a subscription of an EventSource',
    'subscription { message(room: "a") { text } }',
    'text/event-stream',
  ],
  [
    'a subscription in parts',
    'subscription { message(room: "a") { text } }',
    'multipart/mixed;subscriptionSpec=1.0',
  ],
] as const;

type Mark = readonly [from: string, headers: Readonly<Record<string, string>>];

const welcome: readonly Mark[] = [
  ['of a program', {}],
  ['typed into the address bar', { 'sec-fetch-site': 'none' }],
  ['of a page of the same origin', { 'sec-fetch-site': 'same-origin' }],
  [
    'of such a page, with its origin',
    { 'sec-fetch-site': 'same-origin', origin: 'https://app.example' },
  ],
  ['of such a page in an old browser', { origin: 'https://app.example' }],
  ['of an allowed origin', { 'sec-fetch-site': 'cross-site', origin: 'https://partner.example' }],
  ['of an allowed origin in an old browser', { origin: 'https://partner.example' }],
];

const foreign: readonly Mark[] = [
  ['of another site', { 'sec-fetch-site': 'cross-site' }],
  [
    'of another site, with its origin',
    { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' },
  ],
  ['of a sibling', { 'sec-fetch-site': 'same-site' }],
  [
    'of a sibling, with its origin',
    { 'sec-fetch-site': 'same-site', origin: 'https://blog.app.example' },
  ],
  ['of another origin in an old browser', { origin: 'https://evil.example' }],
  [
    'of an origin whose name begins like an allowed one',
    { origin: 'https://partner.example.evil.example' },
  ],
  ['of a sandboxed page', { 'sec-fetch-site': 'cross-site', origin: 'null' }],
  ['of a sandboxed page in an old browser', { origin: 'null' }],
  ['with a mark that no browser knows yet', { 'sec-fetch-site': 'same-galaxy' }],
  ['with an empty mark', { 'sec-fetch-site': '' }],
  // the page was allowed to set the header by whoever answered its preflight, which is not this server
  [
    'of another site, with a header that needs a preflight',
    { 'sec-fetch-site': 'cross-site', 'apollo-require-preflight': 'true' },
  ],
];

describe.each(carriers)('%s by GET', (_what, query, accept) => {
  const request = { method: 'GET', url: toUrl(query) };

  it.each(welcome)('GH-39 %s is answered', async (_from, headers) => {
    const { response } = await send(converse({ protocols, allowedOrigins }), request, {
      accept,
      ...headers,
    });

    expect(response.status).toBe(200);
  });

  it.each(foreign)('GH-39 %s is refused with 403, and opens nothing', async (_from, headers) => {
    const asked: string[] = [];
    const conversation = converse({
      protocols,
      allowedOrigins,
      onConnect: () => void asked.push('onConnect'),
    });

    const { response, sources } = await send(conversation, request, { accept, ...headers });

    expect(response).toMatchObject({ kind: 'whole', status: 403 });
    expect([asked, sources, conversation.server.gauges().connections]).toEqual([[], 0, 0]);
  });
});

/** What a browser sends for every page without a preflight (Fetch standard, "CORS-safelisted request-header"), and what looks like it. */
const simpleTypes = [
  undefined,
  '',
  'text/plain',
  'text/plain;charset=UTF-8',
  'application/x-www-form-urlencoded',
  'multipart/form-data; boundary=x',
  'text/plain; application/json',
  'text/plain, application/json',
];

/** Headers by which other servers know that a preflight was made. */
const guards: readonly Mark[] = [
  ['without more', {}],
  ['with apollo-require-preflight', { 'apollo-require-preflight': 'true' }],
  ['with x-apollo-operation-name', { 'x-apollo-operation-name': 'Q' }],
  ['with graphql-require-preflight', { 'graphql-require-preflight': '1' }],
];

describe.each(guards)('a POST %s', (_with, headers) => {
  it.each(simpleTypes)('GH-39 of the content type %s is refused with 415', async (contentType) => {
    const asked: string[] = [];
    const conversation = converse({ onConnect: () => void asked.push('onConnect') });

    const { response } = await send(
      conversation,
      { method: 'POST', url: '/graphql' },
      { ...headers, ...(contentType !== undefined && { 'content-type': contentType }) },
    );

    expect([response.status, asked]).toEqual([415, []]);
  });

  it('of JSON, which needs a preflight by itself, is answered', async () => {
    const { response } = await send(
      converse(),
      { method: 'POST', url: '/graphql' },
      { ...headers, 'content-type': 'application/json', origin: 'https://evil.example' },
    );

    expect(response.status).toBe(200);
  });
});

it('a preflight is granted to nobody', async () => {
  const { response } = await send(
    converse({ protocols, allowedOrigins }),
    { method: 'OPTIONS', url: '/graphql' },
    { origin: 'https://evil.example', 'access-control-request-method': 'POST' },
  );

  expect(response.status).toBe(405);
  expect(Object.keys(response.headers).filter((name) => name.startsWith('access-control'))).toEqual(
    [],
  );
});
