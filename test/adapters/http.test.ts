import { EventEmitter, once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import type { GraphQLResolveInfo, GraphQLSchema } from 'graphql';
import { GraphQLError } from 'graphql';
import type { Running } from 'millrace/adapters/node';
import { attach, listen } from 'millrace/adapters/node';
import type { Server, ServerOptions } from 'millrace/server';
import { createServer, refuse } from 'millrace/server';
import { afterEach, describe, expect, it, vi } from 'vitest';

import type { FixtureApp } from '../support/fixture-app.ts';
import { createFixtureApp } from '../support/fixture-app.ts';
import type { HttpReceived, HttpSent } from '../support/http-client.ts';
import { sendHttp } from '../support/http-client.ts';
import type { RawConnection } from '../support/raw-websocket.ts';
import { RawConnections } from '../support/raw-websocket.ts';

const json = 'application/json; charset=utf-8';
const graphqlResponse = 'application/graphql-response+json; charset=utf-8';

const connections = new RawConnections();
let running: Running | undefined;
afterEach(async () => {
  vi.useRealTimers();
  connections.destroyAll();
  await running?.close();
});

interface Stage {
  readonly app: FixtureApp;
  readonly server: Server;
  readonly port: number;
  /** Root fields of queries and mutations that were resolved. */
  readonly executions: () => number;
  /** Resolves when the next of them is. */
  readonly executed: () => Promise<unknown>;
  /** What clients were not shown. */
  readonly reported: unknown[];
  readonly send: (sent: HttpSent) => Promise<HttpReceived>;
}

async function serve(options: Partial<ServerOptions> = {}): Promise<Stage> {
  const app = createFixtureApp();
  const fields = new EventEmitter();
  let executions = 0;
  announceExecutions(app.schema, () => {
    executions += 1;
    fields.emit('executed');
  });
  const reported: unknown[] = [];
  const server = createServer({
    onInternalError: (error) => reported.push(error),
    ...options,
    schema: app.schema,
    broker: app.broker,
  });
  running = await listen(server, { port: 0, host: '127.0.0.1' });
  const { url, port } = running;
  return {
    app,
    server,
    port,
    executions: () => executions,
    executed: () => once(fields, 'executed'),
    reported,
    send: (sent) => sendHttp(url, sent),
  };
}

function announceExecutions(schema: GraphQLSchema, announce: () => void): void {
  for (const type of [schema.getQueryType(), schema.getMutationType()]) {
    for (const field of Object.values(type?.getFields() ?? {})) {
      const { resolve } = field;
      field.resolve = (...values) => {
        announce();
        return resolve?.(...values);
      };
    }
  }
}

/** What can happen without anything from outside has happened then. */
function turn(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}

const hello = { query: '{ hello }' };
const world = { data: { hello: 'world' } };
const withErrors = { errors: [expect.objectContaining({ message: expect.any(String) })] };

const get = (parameters: Readonly<Record<string, string>>): HttpSent => ({
  method: 'GET',
  path: `/graphql?${String(new URLSearchParams(parameters))}`,
});
const accepting = (accept: string | null, body: unknown = hello): HttpSent => ({
  headers: { accept },
  body,
});
const typed = (contentType: string | null, body: unknown = hello): HttpSent => ({
  headers: { 'content-type': contentType },
  body,
});

interface Expected {
  readonly status: number;
  readonly type?: string;
  readonly body?: unknown;
  readonly allow?: string;
  readonly acceptEncoding?: string;
}
type Case = readonly [says: string, sent: HttpSent, expected: Expected];

const succeeds: Expected = { status: 200, type: graphqlResponse, body: world };
const post = 'mutation { post(room: "r", text: "t") }';

describe('GraphQL over HTTP: what is executed', () => {
  const cases: readonly Case[] = [
    ['GH-1 a POST with JSON', { body: hello }, succeeds],
    ...[
      'application/json; charset=utf-8',
      'Application/JSON;charset="UTF-8"',
      'application/json',
    ].map((contentType): Case => [
      `GH-2 a POST with ${contentType}, read as UTF-8`,
      typed(contentType, { query: '{ echo(text: "é€😀") }' }),
      { status: 200, body: { data: { echo: 'é€😀' } } },
    ]),
    [
      'GH-1 a POST whose body has no coding',
      { headers: { 'content-encoding': 'identity' }, body: hello },
      succeeds,
    ],
    [
      'GH-3, GH-4 answered in the type that was asked for, with its charset',
      { body: hello },
      succeeds,
    ],
    [
      'GH-5 a client that accepts JSON alone',
      accepting('application/json'),
      { status: 200, type: json, body: world },
    ],
    [
      'GH-6 the type of the higher weight',
      accepting('application/json;q=0.5, application/graphql-response+json'),
      succeeds,
    ],
    [
      'GH-6 the other type, if that has the higher weight',
      accepting('application/graphql-response+json;q=0.5, application/json'),
      { status: 200, type: json, body: world },
    ],
    ...['*/*', 'application/*', null].map((accept): Case => [
      `GH-7 JSON for ${accept ?? 'a client that says nothing'}`,
      accepting(accept),
      { status: 200, type: json, body: world },
    ]),
    [
      'GH-18 null in place of what may be absent',
      { body: { ...hello, operationName: null, variables: null, extensions: null } },
      succeeds,
    ],
    ['GH-19 members that nobody knows', { body: { ...hello, id: 7, more: [] } }, succeeds],
    [
      'GH-20 extensions that nobody knows',
      { body: { ...hello, extensions: { a: { b: 1 } } } },
      succeeds,
    ],
    [
      'GH-26 data beside errors',
      { body: { query: '{ hello fails }' } },
      {
        status: 200,
        type: graphqlResponse,
        body: { data: { hello: 'world', fails: null }, ...withErrors },
      },
    ],
    ['GH-27 data without errors', { body: hello }, succeeds],
    [
      'GH-28 no data but errors of execution, 200 as the earlier vintage has it',
      { body: { query: 'mutation { post(room: "r", text: "unpublishable") }' } },
      { status: 200, type: graphqlResponse, body: { data: null, ...withErrors } },
    ],
    [
      'GH-30 a query by GET',
      get({ query: 'query ($n: Int!) { double(n: $n) }', variables: '{"n":21}' }),
      { status: 200, type: graphqlResponse, body: { data: { double: 42 } } },
    ],
    [
      'GH-33 a GET with parameters that are empty',
      get({ ...hello, variables: '', extensions: '', operationName: '' }),
      succeeds,
    ],
    [
      'GH-34 the operation called null by GET',
      get({ query: 'query null { hello } query other { fails }', operationName: 'null' }),
      succeeds,
    ],
    [
      'GH-36 the query of a document that holds a mutation too, by GET',
      get({
        query: `query q { hello } ${post.replace('mutation', 'mutation m')}`,
        operationName: 'q',
      }),
      succeeds,
    ],
  ];

  it.each(cases)('%s', async (_says, sent, { status, type, body }) => {
    const { app, send, executions } = await serve();
    if (JSON.stringify(sent.body)?.includes('unpublishable')) await app.broker.close();

    const received = await send(sent);

    expect(received).toMatchObject({ status, json: body });
    if (type !== undefined) expect(received.headers['content-type']).toBe(type);
    expect(executions()).toBeGreaterThan(0);
  });
});

describe('GraphQL over HTTP: what is refused, and not executed', () => {
  const bad = (status: number): Expected => ({ status, type: graphqlResponse, body: withErrors });
  const cases: readonly Case[] = [
    [
      'GH-8 nothing of ours is accepted',
      accepting('text/html'),
      { status: 406, type: json, body: withErrors },
    ],
    ['GH-8 everything is excluded', accepting('*/*;q=0'), { status: 406, body: withErrors }],
    ['GH-9 a POST without a content type', typed(null, JSON.stringify(hello)), bad(415)],
    ...[
      'text/plain',
      'application/graphql',
      'application/x-www-form-urlencoded',
      'application/jsonp',
    ].map((contentType): Case => [
      `GH-10 a POST with ${contentType}`,
      typed(contentType),
      bad(415),
    ]),
    ...['utf-16', 'UTF-16LE', 'iso-8859-1', '"utf-8, utf-16"'].map((charset): Case => [
      `GH-2, GH-10 a POST in ${charset}, which is not read as UTF-8`,
      typed(`application/json; charset=${charset}`),
      bad(415),
    ]),
    ...['gzip', 'br', 'deflate', 'identity, gzip', 'GZIP'].map((coding): Case => [
      `GH-10 a POST with a body in the coding ${coding}`,
      { headers: { 'content-encoding': coding }, body: hello },
      { ...bad(415), acceptEncoding: 'identity' },
    ]),
    ...['', '{', 'query', '{"query":"{ hello }"} x'].map((body): Case => [
      `GH-11 a body that is not JSON: ${JSON.stringify(body)}`,
      { body },
      bad(400),
    ]),
    ...['[]', '[{"query":"{ hello }"}]', '"{ hello }"', '7', 'null', 'true'].map((body): Case => [
      `GH-12 a body that is no object: ${body}`,
      { body },
      bad(400),
    ]),
    ['GH-13 no query', { body: { operationName: 'q' } }, bad(400)],
    ['GH-13 no query by GET', get({ operationName: 'q' }), bad(400)],
    ...[3, true, {}, ['{ hello }'], null].map((query): Case => [
      `GH-14 the query ${JSON.stringify(query)}`,
      { body: { query } },
      bad(400),
    ]),
    ...[3, true, {}, []].map((operationName): Case => [
      `GH-15 the operation name ${JSON.stringify(operationName)}`,
      { body: { ...hello, operationName } },
      bad(400),
    ]),
    ...['{}', 3, true, [7]].map((variables): Case => [
      `GH-16 the variables ${JSON.stringify(variables)}`,
      { body: { ...hello, variables } },
      bad(400),
    ]),
    ...['{}', 3, true, [7]].map((extensions): Case => [
      `GH-17 the extensions ${JSON.stringify(extensions)}`,
      { body: { ...hello, extensions } },
      bad(400),
    ]),
    ['GH-21, GH-25 a syntax error', { body: { query: '{ hello' } }, bad(400)],
    [
      'GH-21 a syntax error, told to a client of JSON with 200',
      accepting('application/json', { query: '{ hello' }),
      { status: 200, type: json, body: withErrors },
    ],
    ['GH-22, GH-25 a field that does not exist', { body: { query: '{ hello nope }' } }, bad(400)],
    [
      'GH-22 such a field, told to a client of JSON with 200',
      accepting('*/*', { query: '{ hello nope }' }),
      { status: 200, type: json, body: withErrors },
    ],
    [
      'GH-23 an operation that does not exist',
      { body: { ...hello, operationName: 'q' } },
      bad(400),
    ],
    [
      'GH-23 one of two operations, unnamed',
      { body: { query: 'query a { hello } query b { hello }' } },
      bad(400),
    ],
    [
      'GH-24, GH-25 a variable of the wrong type',
      { body: { query: 'query ($n: Int!) { double(n: $n) }', variables: { n: 'two' } } },
      bad(400),
    ],
    [
      'GH-24 a variable that is missing, told to a client of JSON with 200',
      accepting('application/json', { query: 'query ($n: Int!) { double(n: $n) }' }),
      { status: 200, type: json, body: withErrors },
    ],
    ['GH-31, GH-32 a mutation by GET', get({ query: post }), { ...bad(405), allow: 'POST' }],
    [
      'GH-31, GH-32 a mutation by GET, selected among others',
      {
        ...get({
          query: `query q { hello } ${post.replace('mutation', 'mutation m')}`,
          operationName: 'm',
        }),
        headers: { accept: 'application/json' },
      },
      { status: 405, type: json, body: withErrors, allow: 'POST' },
    ],
    ['GH-35 variables by GET that are not JSON', get({ ...hello, variables: '{' }), bad(400)],
    ['GH-35 variables by GET that are no object', get({ ...hello, variables: '[7]' }), bad(400)],
    ['GH-35 extensions by GET that are not JSON', get({ ...hello, extensions: 'x' }), bad(400)],
    [
      'a parameter by GET that occurs twice',
      { method: 'GET', path: '/graphql?query=%7Bhello%7D&query=%7Bfails%7D' },
      bad(400),
    ],
    ...['PATCH', 'OPTIONS'].map((method): Case => [
      `GH-37 the method ${method}`,
      { method },
      { ...bad(405), allow: 'GET, POST, PUT, DELETE' },
    ]),
    [
      'GH-39 a POST that browsers send for every page',
      {
        ...typed('text/plain;charset=UTF-8'),
        headers: { 'content-type': 'text/plain;charset=UTF-8', origin: 'https://evil.example' },
      },
      bad(415),
    ],
  ];

  it.each(cases)('%s', async (_says, sent, { status, type, body, allow, acceptEncoding }) => {
    const { send, executions, reported } = await serve();

    const received = await send(sent);

    expect(received).toMatchObject({ status, json: body });
    expect(received.json).not.toHaveProperty('data');
    expect(received.headers['allow']).toBe(allow);
    expect(received.headers['accept-encoding']).toBe(acceptEncoding);
    if (type !== undefined) expect(received.headers['content-type']).toBe(type);
    expect(executions()).toBe(0);
    expect(reported).toEqual([]);
  });

  it('GH-29 an answer that is no GraphQL response has another type', async () => {
    const { send } = await serve();

    const received = await send({ path: '/elsewhere', body: hello });

    expect(received).toMatchObject({ status: 404, headers: { 'content-type': 'text/plain' } });
  });

  it('GH-40 a subscription gets 406 and learns which protocols carry it', async () => {
    const { send, app } = await serve({
      protocols: ['graphql-transport-ws', 'subscriptions-transport-ws'],
    });

    for (const accept of ['application/json', 'application/graphql-response+json']) {
      const query = 'subscription { countdown(from: 3) }';
      const received = await send({ headers: { accept }, body: { query } });
      expect(received.status).toBe(406);
      expect(received.text).toMatch(/WebSocket.*graphql-transport-ws, subscriptions-transport-ws/);
    }
    expect(app.openSources()).toBe(0);
  });
});

describe('a GET that a browser sends', () => {
  const own = { host: 'app.example', origin: 'https://app.example' };
  it.each([
    ['without any mark of a page', {}],
    ['typed into its address bar', { 'sec-fetch-site': 'none' }],
    ['from the same origin', { ...own, 'sec-fetch-site': 'same-origin' }],
    ['from the same origin, without Fetch Metadata', own],
    ['from the same origin, whose host is written in capitals', { ...own, host: 'APP.example' }],
    [
      'from an origin that is allowed',
      { origin: 'https://partner.example', 'sec-fetch-site': 'cross-site' },
    ],
  ])('GH-39 %s is answered', async (_from, headers) => {
    const { send } = await serve({ allowedOrigins: ['https://partner.example'] });

    expect(await send({ ...get(hello), headers })).toMatchObject({ status: 200, json: world });
  });

  it.each([
    ['from another site', { 'sec-fetch-site': 'cross-site' }],
    ['from a sibling of the site', { 'sec-fetch-site': 'same-site' }],
    ['from another origin', { origin: 'https://evil.example' }],
    ['from another port', { host: 'app.example', origin: 'https://app.example:8443' }],
    ['from a sandbox', { origin: 'null' }],
    [
      'from another origin that claims to be the same',
      { origin: 'https://evil.example', 'sec-fetch-site': 'same-origin' },
    ],
  ])('GH-39 %s is refused with 403', async (_from, headers) => {
    const { send, executions } = await serve();

    expect(await send({ ...get(hello), headers })).toMatchObject({ status: 403, json: withErrors });
    expect(executions()).toBe(0);
  });
});

describe('hooks around an HTTP request', () => {
  it.each([
    ['false', () => false, 'Forbidden'],
    ['a refusal', () => refuse({ reason: 'members only' }), 'members only'],
    [
      'a refusal that is thrown',
      () => {
        throw refuse({ reason: 'not today' }) as unknown as Error; // a refusal may be thrown, too
      },
      'not today',
    ],
  ])('a connect hook that answers with %s gives 403', async (_answer, onConnect, message) => {
    const { send, executions, reported } = await serve({ onConnect });

    const received = await send({ body: hello });

    expect(received).toMatchObject({
      status: 403,
      json: { errors: [{ message, extensions: { code: 'FORBIDDEN' } }] },
    });
    expect(executions()).toBe(0);
    expect(reported).toEqual([]);
  });

  const secret = new Error('password is hunter2');
  it.each([
    ['onConnect', () => Promise.reject(secret)],
    ['onSubscribe', () => Promise.reject(secret)],
    ['context', () => Promise.reject(secret)],
    ['onNext', () => Promise.reject(secret)],
  ])('a failure of %s gives 500 and nothing of its cause', async (hook, fail) => {
    const { send, reported } = await serve({ [hook]: fail });

    const received = await send({ body: hello });

    expect(received).toMatchObject({
      status: 500,
      json: {
        errors: [
          { message: 'Internal server error', extensions: { code: 'INTERNAL_SERVER_ERROR' } },
        ],
      },
    });
    expect(received.text).not.toContain('hunter2');
    expect(reported).toEqual([secret]);
  });

  it('an error of a resolver that is not meant for clients is masked', async () => {
    const { send, reported } = await serve();

    const received = await send({ body: { query: '{ leaks }' } });

    expect(received).toMatchObject({
      status: 200,
      json: {
        data: { leaks: null },
        errors: [{ message: 'Internal server error', path: ['leaks'] }],
      },
    });
    expect(reported).toEqual([new Error('password is hunter2')]);
  });

  it('errors of the subscribe hook refuse the operation with the status of their code', async () => {
    const { send, executions } = await serve({
      onSubscribe: () => [
        new GraphQLError('who are you?', { extensions: { code: 'UNAUTHORIZED' } }),
      ],
    });

    expect(await send({ body: hello })).toMatchObject({
      status: 401,
      json: { errors: [{ message: 'who are you?' }] },
    });
    expect(executions()).toBe(0);
  });

  it('the connect hook sees the request, and its session reaches context and disconnect hook', async () => {
    const seen: unknown[] = [];
    const { send } = await serve({
      onConnect: ({ request, connectionParams, protocol }) => {
        seen.push([request.headers['authorization'], connectionParams, protocol]);
        return { user: 'ada' };
      },
      context: ({ session }) => seen.push(session),
      onDisconnect: ({ session, code }) => seen.push([session, code]),
    });

    await send({ headers: { authorization: 'Bearer a' }, body: hello });

    expect(seen).toEqual([['Bearer a', {}, 'http'], { user: 'ada' }, [{ user: 'ada' }, 1000]]);
  });
});

/** The head of a POST, to be followed by a body. */
function head(...lines: readonly string[]): string {
  const fixed = ['POST /graphql HTTP/1.1', 'Host: a', 'Content-Type: application/json'];
  return [...fixed, ...lines, '', ''].join('\r\n');
}

/** A whole POST. */
function postOf(query: string): string {
  const body = JSON.stringify({ query });
  return head(`Content-Length: ${body.length}`) + body;
}

/** One chunk of a body (RFC 9112 section 7.1). */
function chunk(bytes: number): string {
  return `${bytes.toString(16)}\r\n${'x'.repeat(bytes)}\r\n`;
}

async function answerOn(connection: RawConnection): Promise<{ status: number; body: string }> {
  const { status, headers } = await connection.head();
  return { status, body: await connection.body(Number(headers['content-length']?.[0])) };
}

describe('a body that is too big', () => {
  const limits = { bodyBytes: 1_000 };
  const helloText = JSON.stringify(hello);

  it('GH-38 is refused as soon as its length is announced', async () => {
    const { port } = await serve({ limits });
    const connection = await connections.open(port);

    connection.write(head('Content-Length: 1001'));

    expect(await connection.head()).toMatchObject({ status: 413 });
  });

  it('GH-38 is refused while it arrives in chunks, before its end', async () => {
    const { port } = await serve({ limits });
    const connection = await connections.open(port);

    connection.write(head('Transfer-Encoding: chunked') + chunk(600) + chunk(600));

    expect(await connection.head()).toMatchObject({ status: 413 });
  });

  it.each([
    ['announced', `${head('Content-Length: 1500')}${'x'.repeat(1_500)}`],
    ['sent in chunks', `${head('Transfer-Encoding: chunked')}${chunk(600)}${chunk(900)}0\r\n\r\n`],
  ])('leaves the connection usable when it was %s', async (_how, big) => {
    const { port } = await serve({ limits });
    const connection = await connections.open(port);

    connection.write(big);
    expect(await answerOn(connection)).toMatchObject({ status: 413 });
    connection.write(postOf('{ hello }'));

    expect(await answerOn(connection)).toEqual({ status: 200, body: JSON.stringify(world) });
  });

  it('does not swallow requests that follow in the same segment', async () => {
    const { port } = await serve({ limits });
    const connection = await connections.open(port);

    connection.write(`${head('Content-Length: 1500')}${'x'.repeat(1_500)}${postOf('{ hello }')}`);

    expect(await answerOn(connection)).toMatchObject({ status: 413 });
    expect(await answerOn(connection)).toMatchObject({ status: 200 });
  });

  it.each([
    ['too big', 413, head('Transfer-Encoding: chunked')],
    ['of another type', 415, head('Transfer-Encoding: chunked').replace('json', 'xml')],
  ])('that is %s is not read for ever', async (_what, status, start) => {
    const { port } = await serve({ limits });
    const connection = await connections.open(port);

    connection.write(start + chunk(1_001));
    expect(await answerOn(connection)).toMatchObject({ status });
    for (let sent = 0; sent < 3; sent += 1) connection.write(chunk(1_000));

    expect(String(await connection.ended())).toBe('');
  });

  it('of exactly the limit is served', async () => {
    const { send } = await serve({ limits });
    const body = helloText.padEnd(1_000, ' ');

    expect(await send({ body })).toMatchObject({ status: 200, json: world });
  });

  it('counts bytes, not characters', async () => {
    const { send } = await serve({ limits });

    expect(await send({ body: { ...hello, note: 'é'.repeat(500) } })).toMatchObject({
      status: 413,
    });
  });

  it('than its length promises ends its connection alone', async () => {
    const { port, send } = await serve({ limits });
    const connection = await connections.open(port);

    connection.write(`${postOf('{ hello }')} and some more\r\n\r\n`);

    expect(await connection.head()).toMatchObject({ status: 400 });
    await connection.ended();
    expect(await send({ body: hello })).toMatchObject({ status: 200 });
  });
});

describe('a client that leaves', () => {
  it('GH-41 cancels the execution', async () => {
    const events = new EventEmitter();
    const { app, port, reported } = await serve({
      onComplete: () => events.emit('complete'),
      onDisconnect: ({ code }) => events.emit('disconnect', code),
    });
    const never = app.schema.getQueryType()?.getFields()['never'];
    if (never) {
      never.resolve = (_source, _args, _context, info) => {
        events.emit('started', info);
        return new Promise(() => {});
      };
    }
    const ended = Promise.all([once(events, 'complete'), once(events, 'disconnect')]);
    const started = once(events, 'started');
    const connection = await connections.open(port);
    connection.write(postOf('{ never }'));
    const [info] = (await started) as [GraphQLResolveInfo];
    const signal = info.getAbortSignal?.(); // graphql 16 has none
    expect(signal?.aborted).not.toBe(true);

    connection.reset();

    const [, [code]] = await ended;
    expect(code).toBe(1006);
    expect(signal?.aborted).not.toBe(false);
    expect(reported).toEqual([]);
  });

  it('before its body is complete is nothing to report', async () => {
    const { port, reported, server, send } = await serve();
    const handle = server.handleRequest.bind(server);
    const arrival = new Promise<{ readonly answered: Promise<unknown> }>((resolve) => {
      vi.spyOn(server, 'handleRequest').mockImplementationOnce((received) => {
        const answered = handle(received);
        resolve({ answered });
        return answered;
      });
    });
    const connection = await connections.open(port);
    connection.write(postOf('{ hello }').slice(0, -5));
    const { answered } = await arrival;

    connection.reset();

    await answered;
    expect(reported).toEqual([]);
    expect(await send({ body: hello })).toMatchObject({ status: 200 });
  });

  it('while the connect hook thinks has nothing executed for it', async () => {
    const events = new EventEmitter();
    const { port, executions } = await serve({
      onConnect: async () => {
        events.emit('connect');
        await once(events, 'accept');
        return {};
      },
      onDisconnect: ({ code }) => events.emit('disconnect', code),
    });
    const connection = await connections.open(port);
    const asked = once(events, 'connect');
    connection.write(postOf('{ hello }'));
    await asked;
    const other = await connections.open(port);
    connection.reset();
    // the reset was seen once the server has answered a request that came after it
    other.write('GET /elsewhere HTTP/1.1\r\nHost: a\r\n\r\n');
    await other.head();

    const ended = once(events, 'disconnect');
    events.emit('accept');

    expect(await ended).toEqual([1006]);
    expect(executions()).toBe(0);
  });
});

describe('a server that closes', () => {
  it('answers what is under way, then cuts idle connections', async () => {
    const { app, port, executed } = await serve();
    const idle = await connections.open(port);
    const busy = await connections.open(port);
    const started = executed();
    busy.write(postOf('{ slow }'));
    await started;

    const closed = running?.close();
    await turn();
    app.release('slow');

    expect(await answerOn(busy)).toMatchObject({ status: 200 });
    await closed;
    await idle.ended();
  });

  it('cuts off after 5 s what does not end', async () => {
    const { port, executed } = await serve();
    const stuck = await connections.open(port);
    const started = executed();
    stuck.write(postOf('{ never }'));
    await started;
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });

    const closed = running?.close();
    await turn();
    vi.advanceTimersByTime(5_000);

    await closed;
    expect(String(await stuck.ended())).toBe('');
  });

  it('answers 503 as long as somebody else keeps the port open', async () => {
    const server = createServer({ schema: createFixtureApp().schema });
    const httpServer = createHttpServer();
    attach(server, httpServer);
    await new Promise<void>((resolve) => void httpServer.listen(0, '127.0.0.1', resolve));
    const { port } = httpServer.address() as AddressInfo; // it listens on a port

    await server.close();

    expect(await sendHttp(`http://127.0.0.1:${port}`, { body: hello })).toMatchObject({
      status: 503,
      json: { errors: [{ extensions: { code: 'GOING_AWAY' } }] },
    });
    await new Promise((resolve) => void httpServer.close(resolve));
  });
});
