import { sse } from 'millrace/client/sse';
import type { SseOptions } from 'millrace/client/sse';
import { describe, expect, it } from 'vitest';

import { bytesOf, everySplit } from '../support/chunks.ts';
import { failure, ResponseStage } from '../support/response-stage.ts';

const stream = { type: 'text/event-stream; charset=utf-8' };

function stage(options: SseOptions = {}): ResponseStage {
  return new ResponseStage((common) => sse({ ...common, ...options }));
}

function next(result: unknown): string {
  return `event: next\ndata: ${JSON.stringify(result)}\n\n`;
}

function withId(id: string, result: unknown): string {
  return `id: ${id}\n${next(result)}`;
}

const tick = (n: number) => ({ data: { tick: n } });
const complete = 'event: complete\ndata:\n\n';

describe('an event stream', () => {
  it('SSE-60 is read whatever its line ends, in chunks of any size, with comments and a byte order mark', async () => {
    const bytes = bytesOf(
      '\uFEFF:\r\n\r\nevent: next\rdata: {"data":\rdata: {"tick":"Straße 🚰"}}\r\r: ping\n\nevent: next\r\ndata: {"data":null}\r\n\r\nevent: complete\ndata\n\n',
    );
    for (const chunks of everySplit(bytes)) {
      const play = stage();
      const { heard } = await play.ask();
      await play.respond(stream, ...chunks);

      expect(heard).toEqual([
        'connected',
        ['next', { data: { tick: 'Straße 🚰' } }],
        ['next', { data: null }],
        'complete',
      ]);
    }
  });

  it('SSE-60 hands a result out with the chunk that ends it', async () => {
    const play = stage();
    const { heard } = await play.ask();
    const response = await play.respond(stream, ':\n\n', next(tick(1)).slice(0, -1));
    expect(heard).toEqual(['connected']);

    await response.send('\n');
    expect(heard).toEqual(['connected', ['next', tick(1)]]);
  });

  it('SSE-61 SSE-62 may hold comments, unknown fields and events of other names', async () => {
    const play = stage();
    const { heard } = await play.ask();
    await play.respond(
      stream,
      ': hello\n\nfoo: bar\nnothing\n\nevent: ping\ndata: {}\n\ndata: not ours\n\n',
      next(tick(1)),
    );

    expect(heard).toEqual(['connected', ['next', tick(1)]]);
  });

  it('SSE-63 ends with `complete`: what follows is not read, and the response is released', async () => {
    const play = stage();
    const { heard } = await play.ask();
    const response = await play.respond(stream, next(tick(1)) + complete + next(tick(2)));
    await response.send(next(tick(3)));

    expect(heard).toEqual(['connected', ['next', tick(1)], 'complete']);
    expect(response.isReleased).toBe(true);
    expect(play.request.isAborted).toBe(true);
    expect(play.clock.timerCount).toBe(0);
  });

  it.each([
    ['ends', 'end'],
    ['breaks', 'break'],
  ] as const)('SSE-64 that %s without `complete` was lost', async (_, end) => {
    const play = stage();
    const { heard } = await play.ask();
    const response = await play.respond(stream, next(tick(1)), 'event: complete\n');
    await response[end]();

    expect(heard).toEqual([
      'connected',
      ['next', tick(1)],
      ['closed', failure('CONNECTION_LOST', { retryable: true })],
    ]);
  });

  it.each(['close of the connection', 'stop of the operation'])(
    'SSE-65 is closed by a %s, after which nothing is delivered',
    async (how) => {
      const play = stage();
      const { heard, connection, stop } = await play.ask();
      const response = await play.respond(stream, next(tick(1)));
      if (how.startsWith('close')) connection.close();
      else stop();
      await response.send(next(tick(2)), complete);

      expect(heard).toEqual(['connected', ['next', tick(1)]]);
      expect(response.isReleased).toBe(true);
      expect(play.request.isAborted).toBe(true);
    },
  );

  it.each(['CREDENTIALS_EXPIRED', 'SESSION_REVOKED'])(
    'was lost if it ends with %s: the client subscribes again',
    async (code) => {
      const errors = [{ message: 'over', extensions: { code } }];
      const play = stage();
      const { heard } = await play.ask();
      await play.respond(stream, next(tick(1)), next({ errors }), complete);

      expect(heard).toEqual([
        'connected',
        ['next', tick(1)],
        ['closed', failure('CONNECTION_LOST', { retryable: true, payload: errors })],
      ]);
    },
  );

  it('delivers a result whose execution failed with such a code', async () => {
    const result = {
      data: null,
      errors: [{ message: 'over', extensions: { code: 'CREDENTIALS_EXPIRED' } }],
    };
    const play = stage();
    const { heard } = await play.ask();
    await play.respond(stream, next(result), complete);

    expect(heard).toEqual(['connected', ['next', result], 'complete']);
  });

  it('delivers nothing to a consumer that leaves while it is told of a result', async () => {
    const play = stage();
    const exchange = await play.ask({}, ({ stop }) => stop());
    await play.respond(stream, next(tick(1)) + next(tick(2)) + complete);

    expect(exchange.heard).toEqual(['connected', ['next', tick(1)]]);
  });

  it.each(['{"data":', '[]', 'null', '1', ''])(
    'goes on after a result that is %j, which is reported',
    async (data) => {
      const play = stage();
      const { heard } = await play.ask();
      await play.respond(stream, `event: next\ndata: ${data}\n\n`, next(tick(2)));

      expect(heard).toEqual(['connected', ['violated', expect.any(String)], ['next', tick(2)]]);
    },
  );

  it('is given up if an event has no end', async () => {
    const play = stage();
    const { heard } = await play.ask();
    const response = await play.respond(stream, 'data: ');
    const megabyte = 'x'.repeat(1_024 * 1_024);
    for (let i = 0; i < 17; i += 1) await response.send(megabyte);

    expect(heard).toEqual([
      'connected',
      ['closed', failure('MESSAGE_TOO_BIG', { retryable: false })],
    ]);
    expect(response.isReleased).toBe(true);
  });

  it('says how long to wait when it is lost', async () => {
    const play = stage();
    const { heard } = await play.ask();
    const response = await play.respond(stream, 'retry: 2500\n\n');
    await response.end();

    expect(heard.at(-1)).toEqual([
      'closed',
      failure('CONNECTION_LOST', { retryable: true, retryAfterMs: 2_500 }),
    ]);
  });
});

describe('the request', () => {
  it('asks for an event stream and nothing else, whatever the operation', async () => {
    const play = stage();
    for (const kind of ['query', 'mutation', 'subscription'] as const) {
      await play.ask({ kind, query: `${kind} { a }` });

      expect(play.request.method).toBe('POST');
      expect(Object.fromEntries(play.request.headers)).toEqual({
        accept: 'text/event-stream',
        'content-type': 'application/json',
      });
      expect(play.request.body).toEqual({ query: `${kind} { a }` });
    }
  });

  it('sends queries and subscriptions by GET if it shall, GH-68 but no mutation', async () => {
    const play = stage({ method: 'GET' });
    const query = 'subscription S($n: Int) { tick(n: $n) }';
    await play.ask({ query, operationName: 'S', variables: { n: 1 }, extensions: { a: [2] } });

    expect(play.request.method).toBe('GET');
    expect(play.request.headers.get('content-type')).toBe(null);
    expect(Object.fromEntries(new URL(play.request.url).searchParams)).toEqual({
      query,
      operationName: 'S',
      variables: '{"n":1}',
      extensions: '{"a":[2]}',
    });

    await play.ask({ kind: 'mutation', query: 'mutation { post }' });
    expect(play.request.method).toBe('POST');
    await play.ask({ kind: 'subscription', query: 'mutation { post }' });
    expect(play.request.method).toBe('POST');
  });
});

describe('an answer that is no stream', () => {
  it.each([
    ['application/json', 200],
    ['application/graphql-response+json', 200],
    ['application/graphql-response+json', 422],
  ])('SSE-66 is a result and the end if it is %s with %i', async (type, status) => {
    const play = stage();
    const { heard } = await play.ask();
    await play.answer('{"errors":[{"message":"no"}]}', { type, status });

    expect(heard).toEqual(['connected', ['next', { errors: [{ message: 'no' }] }], 'complete']);
    expect(play.clock.timerCount).toBe(0);
  });

  it('SSE-66 is a failure if its status is not 2xx, and shows its errors', async () => {
    const play = stage();
    const { heard } = await play.ask();
    const body = '{"errors":[{"message":"no"}]}';
    await play.answer(body, { type: 'application/json', status: 400 });

    expect(heard).toEqual([
      [
        'closed',
        failure('CONNECTION_REFUSED', {
          status: 400,
          body,
          payload: { errors: [{ message: 'no' }] },
          retryable: false,
        }),
      ],
    ]);
  });

  it('SSE-66 is a failure if it is 2xx with another content type', async () => {
    const play = stage();
    const { heard } = await play.ask();
    await play.answer('<p>hi</p>', { type: 'text/html' });

    expect(heard).toEqual([
      ['closed', failure('BAD_RESPONSE', { status: 200, body: '<p>hi</p>', retryable: false })],
    ]);
  });

  it.each([400, 401, 403, 404, 405, 406, 409, 410, 415, 422, 431, 500, 501, 505])(
    'SSE-67 is final with %i',
    async (status) => {
      const play = stage();
      const { heard } = await play.ask();
      await play.answer('', { type: 'text/event-stream', status });

      expect(heard).toEqual([
        ['closed', failure('CONNECTION_REFUSED', { status, retryable: false })],
      ]);
    },
  );

  it.each([408, 425, 429, 502, 503, 504, 520, 524])(
    'SSE-67 may be tried again after %i, also where it is a GraphQL response',
    async (status) => {
      for (const type of ['text/html', 'application/graphql-response+json']) {
        const play = stage();
        const { heard } = await play.ask();
        await play.answer('{"errors":[{"message":"later"}]}', { type, status });

        expect(heard).toEqual([
          ['closed', failure('CONNECTION_LOST', { status, retryable: true })],
        ]);
      }
    },
  );
});

describe('the id of an event', () => {
  const resumable = { extensions: { resume: {} } };

  it('is the resume token of a result that has none, for an operation that wants to resume', async () => {
    const play = stage();
    const { heard } = await play.ask(resumable);
    const own = { ...tick(3), extensions: { resume: { token: 'own' } } };
    await play.respond(
      stream,
      next(tick(0)),
      withId('t1', tick(1)),
      withId('t2', { ...tick(2), extensions: { cost: 1 } }),
      withId('t3', own),
    );

    expect(heard.slice(1)).toEqual([
      ['next', tick(0)],
      ['next', { ...tick(1), extensions: { resume: { token: 't1' } } }],
      ['next', { ...tick(2), extensions: { cost: 1, resume: { token: 't2' } } }],
      ['next', own],
    ]);
  });

  it('is nothing to other operations', async () => {
    const play = stage();
    const { heard } = await play.ask();
    await play.respond(stream, withId('t1', tick(1)));

    expect(heard).toEqual(['connected', ['next', tick(1)]]);
  });

  it('is sent back by an operation that resumes', async () => {
    const play = stage();
    await play.ask({ extensions: { resume: { token: 't1' } } });

    expect(play.request.headers.get('last-event-id')).toBe('t1');
    expect(play.request.body).toMatchObject({ extensions: { resume: { token: 't1' } } });

    await play.ask(resumable);
    expect(play.request.headers.has('last-event-id')).toBe(false);
  });
});
