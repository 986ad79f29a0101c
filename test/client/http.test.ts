import type { TransportError } from 'millrace/client';
import { http } from 'millrace/client/http';
import type { HttpOptions } from 'millrace/client/http';
import { describe, expect, it } from 'vitest';

import { bytesOf, everySplit } from '../support/chunks.ts';
import { failure, ResponseStage } from '../support/response-stage.ts';

const modern = 'application/graphql-response+json';
const query = { kind: 'query', query: '{ hello }' } as const;
const mutation = { kind: 'mutation', query: 'mutation { post }' } as const;

function stage(options: HttpOptions = {}): ResponseStage {
  return new ResponseStage((common) => http({ ...common, ...options }));
}

describe('the request', () => {
  it('GH-60 GH-61 GH-62 is a POST of the four members, and accepts what there is', async () => {
    const play = stage();
    const request = {
      query: 'query Q($n: Int) { double(n: $n) }',
      operationName: 'Q',
      variables: { n: 2 },
      extensions: { a: 1 },
    };
    const unknown = { id: 7 };
    await play.ask({ kind: 'query', ...request, ...unknown });

    expect(play.request.method).toBe('POST');
    expect(play.request.url).toBe('http://host.example/graphql');
    expect(Object.fromEntries(play.request.headers)).toEqual({
      accept: `${modern}, application/json;q=0.9`,
      'content-type': 'application/json',
    });
    expect(play.request.body).toEqual(request);
  });

  it('GH-62 holds no member that says nothing', async () => {
    const play = stage();
    await play.ask(query);

    expect(play.request.body).toEqual({ query: '{ hello }' });
  });

  it('is a GET for queries if it shall be, beside the parameters that the url has', async () => {
    const play = stage({ method: 'GET' });
    await play.ask({
      kind: 'query',
      query: '{ a & b }',
      variables: { text: 'ü+' },
      url: 'http://host.example/graphql?tenant=7',
    });

    expect(play.request.init.body).toBe(undefined);
    expect(Object.fromEntries(play.request.headers)).toEqual({
      accept: `${modern}, application/json;q=0.9`,
    });
    expect(Object.fromEntries(new URL(play.request.url).searchParams)).toEqual({
      tenant: '7',
      query: '{ a & b }',
      variables: '{"text":"ü+"}',
    });
  });

  it.each([
    ['a mutation', mutation],
    ['a mutation that calls itself a query', { ...mutation, kind: 'query' }],
    [
      'a mutation among queries',
      { kind: 'query', query: 'query A { a } mutation B { b }', operationName: 'B' },
    ],
    ['a subscription', { kind: 'subscription', query: 'subscription { tick }' }],
  ] as const)('GH-68 is a POST for %s, whatever the option says', async (_, asked) => {
    const play = stage({ method: 'GET' });
    await play.ask(asked);

    expect(play.request.method).toBe('POST');
    expect(play.request.body).toMatchObject({ query: asked.query });
  });
});

describe('an answer', () => {
  it.each([400, 401, 403, 422, 429, 500, 503])(
    `GH-63 of type ${modern} is a result, with %i too`,
    async (status) => {
      const play = stage();
      const { heard } = await play.ask(query);
      await play.answer('{"errors":[{"message":"no"}]}', { type: modern, status });

      expect(heard).toEqual(['connected', ['next', { errors: [{ message: 'no' }] }], 'complete']);
    },
  );

  it.each([
    [400, 'CONNECTION_REFUSED', false],
    [500, 'CONNECTION_REFUSED', false],
    [503, 'CONNECTION_LOST', true],
  ] as const)(
    'GH-64 of type application/json is a failure with %i, which shows the body',
    async (status, code, retryable) => {
      const play = stage();
      const { heard } = await play.ask(query);
      const body = '{"errors":[{"message":"no"}]}';
      await play.answer(body, { type: 'application/json', status });

      expect(heard).toEqual([
        ['closed', failure(code, { status, body, payload: JSON.parse(body), retryable })],
      ]);
    },
  );

  it.each([
    [201, 'application/json'],
    [294, modern],
    [294, 'application/json'],
  ])('GH-65 with %i and %s is a result', async (status, type) => {
    const play = stage();
    const { heard } = await play.ask(query);
    await play.answer('{"data":{"hello":"world"}}', { type, status });

    expect(heard).toEqual(['connected', ['next', { data: { hello: 'world' } }], 'complete']);
  });

  it('GH-66 holds partial data together with errors', async () => {
    const play = stage();
    const { heard } = await play.ask(query);
    const result = { data: { hello: null }, errors: [{ message: 'no', path: ['hello'] }] };
    await play.answer(JSON.stringify(result), { type: modern, status: 294 });

    expect(heard).toEqual(['connected', ['next', result], 'complete']);
  });

  it('GH-67 that is a page is a failure which says so, and shows its beginning', async () => {
    const play = stage();
    const { heard } = await play.ask(query);
    const page = `<!doctype html>${'ü'.repeat(5_000)}`;
    const response = await play.respond({ type: 'text/html', status: 502 }, ...chunked(page));

    expect(heard).toEqual([
      [
        'closed',
        failure('CONNECTION_LOST', {
          status: 502,
          message: expect.stringMatching(/502.*text\/html/),
          body: page.slice(0, 1_000),
        }),
      ],
    ]);
    expect(response.isReleased).toBe(true);
  });

  it.each([
    [{ status: 404 }, 'CONNECTION_REFUSED', /404.*no content type/],
    [{ status: 200, type: 'application/json' }, 'BAD_RESPONSE', /200.*application\/json/],
    [{ status: 200, type: modern }, 'BAD_RESPONSE', /200.*graphql-response/],
    [{ status: 200, type: 'text/html' }, 'BAD_RESPONSE', /200.*text\/html/],
  ] as const)('GH-67 that is empty, %j, is a failure', async (head, code, message) => {
    const play = stage();
    const { heard } = await play.ask(query);
    await play.answer('', head);

    expect(heard.at(-1)).toEqual([
      'closed',
      failure(code, { status: head.status, body: '', message: expect.stringMatching(message) }),
    ]);
  });

  it.each(['{}', '[]', 'null', '{"hello":1}', '{"data":'])(
    'GH-67 of JSON that is no GraphQL response, as %j, is a failure',
    async (body) => {
      const play = stage();
      const { heard } = await play.ask(query);
      await play.answer(body, { type: 'application/json' });

      expect(heard).toEqual([
        'connected',
        ['closed', failure('BAD_RESPONSE', { body, retryable: false })],
      ]);
    },
  );

  it.each([
    'Application/GraphQL-Response+JSON',
    'application/graphql-response+json;charset=utf-8',
    'application/graphql-response+json ; a="b"',
  ])('GH-69 may have the content type %j', async (type) => {
    const play = stage();
    const { heard } = await play.ask(query);
    await play.answer('{"data":null}', { type, status: 400 });

    expect(heard).toEqual(['connected', ['next', { data: null }], 'complete']);
  });

  it('may be split inside characters', async () => {
    const result = { data: { hello: 'Straße 🚰' } };
    for (const chunks of everySplit(bytesOf(JSON.stringify(result)))) {
      const play = stage();
      const { heard } = await play.ask(query);
      const response = await play.respond({ type: modern }, ...chunks);
      await response.end();

      expect(heard).toEqual(['connected', ['next', result], 'complete']);
    }
  });

  it('that breaks off was lost', async () => {
    const play = stage();
    const { heard } = await play.ask(query);
    const response = await play.respond({ type: modern }, '{"data":');
    await response.break();

    expect(heard).toEqual([
      'connected',
      ['closed', failure('CONNECTION_LOST', { retryable: true })],
    ]);
  });

  it('is not taken for a stream', async () => {
    const play = stage();
    const { heard } = await play.ask();
    await play.respond({ type: 'text/event-stream' }, 'event: next\ndata: {}\n\n'.repeat(100));

    expect(heard).toEqual([['closed', failure('BAD_RESPONSE', { status: 200 })]]);
  });
});

async function wish(headers: Readonly<Record<string, string>>) {
  const play = stage();
  const { heard } = await play.ask(query);
  await play.answer('', { status: 503, headers });
  const closed = heard.find((each) => each[0] === 'closed');
  return closed && (closed[1] as TransportError).retryAfterMs; // as the kind says
}

describe('the wish to be left alone', () => {
  it('is read in seconds', async () => {
    expect(await wish({ 'retry-after': '120' })).toBe(120_000);
  });

  it('is read as a date, by the clock of the server', async () => {
    expect(
      await wish({
        date: 'Thu, 01 Jan 2026 00:00:00 GMT',
        'retry-after': 'Thu, 01 Jan 2026 00:00:30 GMT',
      }),
    ).toBe(30_000);
  });

  it('is read as a date by the clock of the client if the server tells no time', async () => {
    expect(await wish({ 'retry-after': 'Thu, 01 Jan 2099 00:00:00 GMT' })).toBeGreaterThan(1e12);
  });

  it.each(['soon', '-1', 'Thu, 01 Jan 1970 00:00:00 GMT', ''])(
    'is nothing if it is %j',
    async (value) => {
      expect(await wish({ 'retry-after': value })).toBe(undefined);
    },
  );
});

function chunked(text: string): readonly string[] {
  return text.match(/.{1,100}/gs) ?? [];
}
