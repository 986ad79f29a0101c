import { EventEmitter, once } from 'node:events';

import type { ServerOptions } from 'millrace/server';
import { refuse } from 'millrace/server';
import { describe, expect, it } from 'vitest';

import type { Conversation } from '../support/conversation.ts';
import { converse } from '../support/conversation.ts';
import type { MemoryRequest } from '../support/memory-stream.ts';
import { MemoryStream } from '../support/memory-stream.ts';

interface Stage extends Conversation {
  readonly send: (request: MemoryRequest) => Promise<MemoryStream>;
  readonly reserve: (headers?: MemoryRequest['headers']) => Promise<string>;
}

function stage(options: Partial<ServerOptions> = {}): Stage {
  const conversation = converse({ protocols: ['sse', 'sse-single'], ...options });
  const send = async (request: MemoryRequest): Promise<MemoryStream> => {
    const stream = new MemoryStream(conversation.server, request);
    await conversation.clock.settle();
    return stream;
  };
  return {
    ...conversation,
    send,
    async reserve(headers) {
      const stream = await send({ method: 'PUT', ...(headers && { headers }) });
      expect(await stream.answered).toMatchObject({ status: 201 });
      return stream.text;
    },
  };
}

const tokenHeader = 'x-graphql-event-stream-token';

/** Opens the stream as the `EventSource` of browsers does: without headers of its own. */
const opening = (token: string): MemoryRequest => ({
  method: 'GET',
  url: `/graphql?token=${token}`,
  headers: { accept: 'text/event-stream' },
});

const executing = (
  token: string,
  operationId: unknown,
  query: string,
  headers: MemoryRequest['headers'] = {},
): MemoryRequest => ({
  headers: { [tokenHeader]: token, ...headers },
  body: { query, ...(operationId !== undefined && { extensions: { operationId } }) },
});

const stopping = (token: string, operationId: string): MemoryRequest => ({
  method: 'DELETE',
  url: `/graphql?operationId=${operationId}`,
  headers: { [tokenHeader]: token },
});

const as = (user: string) => ({ authorization: user });
const limited = (limit: string, code: string) =>
  expect.objectContaining({ extensions: expect.objectContaining({ limit, code }) });
const next = (id: string, payload: unknown) => ['next', { id, payload }];
const complete = (id: string) => ['complete', { id }];
const statusOf = async (stream: MemoryStream): Promise<number> => (await stream.answered).status;
const nothingHeld = { connections: 0, operations: 0, deadlines: 0, readers: 0 };
const countdown = 'subscription { countdown(from: 1) }';
const messages = (room: string): string => `subscription { message(room: "${room}") { text } }`;

describe('reserving a stream', () => {
  it('SSE-30, SSE-46 gives a token with 192 bits from a cryptographic source', async () => {
    const { send } = stage();

    const reserved = await send({ method: 'PUT' });

    expect(await reserved.answered).toMatchObject({
      status: 201,
      headers: { 'content-type': 'text/plain; charset=utf-8' },
    });
    expect(reserved.text).toMatch(/^[0-9a-f]{48}$/);
    expect((await send({ method: 'PUT' })).text).not.toBe(reserved.text);
  });

  it.each([
    ['*/*', 201],
    ['text/plain', 201],
    ['application/json, text/plain;q=0.1', 201],
    ['text/event-stream', 406],
  ])('of who accepts %s is answered with %i', async (accept, status) => {
    const { send } = stage();

    expect(await statusOf(await send({ method: 'PUT', headers: { accept } }))).toBe(status);
  });

  it('SSE-45 lasts 30 s', async () => {
    const { send, reserve, server, clock, app } = stage();
    const token = await reserve();
    await send(executing(token, '1', messages('r')));
    expect(app.openSources()).toBe(1);

    await clock.advance(29_900);
    expect(server.gauges()).toMatchObject({ connections: 1, operations: 1 });
    await clock.advance(200);

    expect(server.gauges()).toEqual(nothingHeld);
    expect(app.openSources()).toBe(0);
    expect(await statusOf(await send(opening(token)))).toBe(404);
  });

  it('is refused while too many wait to be opened, and works again when they have expired', async () => {
    const { send, reserve, clock } = stage({ limits: { reservations: 2 } });
    const first = await reserve();
    await reserve();

    const refused = await send({ method: 'PUT' });
    expect(await refused.answered).toMatchObject({ status: 503, headers: { 'retry-after': '5' } });
    expect(refused.json).toMatchObject({
      errors: [
        { extensions: { code: 'TOO_MANY_RESERVATIONS', limit: 'reservations', maximum: 2 } },
      ],
    });
    await send(opening(first));
    await reserve();
    expect(await statusOf(await send({ method: 'PUT' }))).toBe(503);
    await clock.advance(31_000);
    await reserve();
  });

  it('ten thousand times and never coming back leaves nothing', async () => {
    const { server, clock } = stage();

    for (let sent = 0; sent < 10_000; sent += 1) {
      void new MemoryStream(server, { method: 'PUT' });
    }
    await clock.settle();
    expect(server.gauges()).toMatchObject({ connections: 1_000, deadlines: 1_000 });
    await clock.advance(31_000);

    expect(server.gauges()).toEqual(nothingHeld);
    expect(clock.timerCount).toBe(0);
  });
});

describe('opening a stream', () => {
  it('SSE-31 takes the token from the URL and from the header', async () => {
    const { send, reserve } = stage();

    const byUrl = await send(opening(await reserve()));
    const byHeader = await send({
      method: 'GET',
      headers: { accept: 'text/event-stream', [tokenHeader]: await reserve() },
    });
    const byPost = await send({
      headers: {
        accept: 'text/event-stream',
        [tokenHeader]: await reserve(),
        'content-type': undefined,
      },
    });

    for (const { answered, writes } of [byUrl, byHeader, byPost]) {
      expect(await answered).toMatchObject({
        status: 200,
        headers: { 'content-type': 'text/event-stream' },
      });
      expect(writes).toEqual([':\n\n']);
    }
  });

  it.each([
    'text/event-stream, */*;q=0.1',
    'text/html, text/event-stream;q=0.5',
    'text/event-stream; charset=utf-8',
    '*/*',
  ])('finds the type in the list %s', async (accept) => {
    const { send, reserve } = stage();

    expect(await statusOf(await send({ ...opening(await reserve()), headers: { accept } }))).toBe(
      200,
    );
  });

  it('does not mind a content type of a GET, which has no content', async () => {
    const { send, reserve } = stage();
    const headers = { accept: 'text/event-stream', 'content-type': 'application/json' };

    expect(await statusOf(await send({ ...opening(await reserve()), headers }))).toBe(200);
  });

  it('SSE-32 happens once: a second stream is refused and the first goes on', async () => {
    const { send, reserve } = stage();
    const token = await reserve();
    const first = await send(opening(token));

    const second = await send(opening(token));
    expect(await statusOf(second)).toBe(409);
    expect(second.json).toMatchObject({
      errors: [{ extensions: { code: 'STREAM_ALREADY_OPEN' } }],
    });

    await send(executing(token, '1', countdown));
    expect(first.events()).toEqual([next('1', { data: { countdown: 1 } }), complete('1')]);
    expect(first.ending).toBe('open');
  });

  it('of a token that nobody has is answered with 404', async () => {
    const { send } = stage();

    expect(await statusOf(await send(opening('guess')))).toBe(404);
  });

  it('has a comment after every 12 s of silence', async () => {
    const { send, reserve, clock } = stage();
    const stream = await send(opening(await reserve()));

    await clock.advance(24_000);

    expect(stream.writes).toEqual([':\n\n', ':\n\n', ':\n\n']);
  });

  it('SSE-44 left by its client stops its operations and forgets the token', async () => {
    const { send, reserve, app, server, clock } = stage();
    const token = await reserve();
    const stream = await send(opening(token));
    await send(executing(token, '1', messages('a')));
    await send(executing(token, '2', messages('b')));
    expect(app.openSources()).toBe(2);

    stream.leave();
    await clock.settle();

    expect(app.openSources()).toBe(0);
    expect(server.gauges()).toEqual(nothingHeld);
    expect(clock.timerCount).toBe(0);
    expect(await statusOf(await send(executing(token, '3', countdown)))).toBe(404);
  });
});

describe('executing on a stream', () => {
  it('SSE-33, SSE-19 answers 202 without a result, which comes on the stream, to the letter', async () => {
    const { send, reserve } = stage();
    const token = await reserve();
    const stream = await send(opening(token));

    const executed = await send(executing(token, 'op-1', countdown));

    expect(await executed.answered).toMatchObject({ kind: 'whole', status: 202, body: '' });
    expect(stream.text).toBe(
      ':\n\n' +
        'event: next\ndata: {"id":"op-1","payload":{"data":{"countdown":1}}}\n\n' +
        'event: complete\ndata: {"id":"op-1"}\n\n',
    );
  });

  it('takes the token from the URL, and the operation from a GET', async () => {
    const { send, reserve } = stage();
    const token = await reserve();
    const stream = await send(opening(token));
    const parameters = new URLSearchParams({
      token,
      query: '{ hello }',
      extensions: '{"operationId":"1"}',
    });

    const executed = await send({ method: 'GET', url: `/graphql?${String(parameters)}` });

    expect(await statusOf(executed)).toBe(202);
    expect(stream.events()).toEqual([next('1', { data: { hello: 'world' } }), complete('1')]);
  });

  it('does not hold the request of a slow query open', async () => {
    const { send, reserve, app, clock } = stage();
    const token = await reserve();
    const stream = await send(opening(token));

    expect(await statusOf(await send(executing(token, '1', '{ slow }')))).toBe(202);
    expect(stream.events()).toEqual([]);
    app.release('slow');
    await clock.settle();
    expect(stream.events()).toEqual([next('1', { data: { slow: 'late' } }), complete('1')]);
  });

  it.each([
    ['in the header', { [tokenHeader]: 'guess' }, '/graphql'],
    ['in the URL', {}, '/graphql?token=guess'],
  ])(
    'SSE-34 with an unknown token %s gets 404, and nothing is executed',
    async (_, headers, url) => {
      const { send, app } = stage();

      const answer = await send({
        url,
        headers: { accept: 'text/event-stream', ...headers },
        body: { query: messages('r'), extensions: { operationId: '1' } },
      });

      expect(await statusOf(answer)).toBe(404);
      expect(app.openSources()).toBe(0);
    },
  );

  it('SSE-34 without a token is an ordinary request, because other clients share the path', async () => {
    const { send } = stage();

    const answer = await send({ body: { query: '{ hello }', extensions: { operationId: '1' } } });

    expect(answer.json).toEqual({ data: { hello: 'world' } });
  });

  it.each([[undefined], [''], [7], [null]])('SSE-35 as %j gets 400', async (id) => {
    const { send, reserve } = stage();

    expect(await statusOf(await send(executing(await reserve(), id, '{ hello }')))).toBe(400);
  });

  it('SSE-36 under an id that is in use gets 409, and the first goes on', async () => {
    const { send, reserve, app, clock } = stage();
    const token = await reserve();
    const stream = await send(opening(token));
    await send(executing(token, '1', messages('r')));

    expect(await statusOf(await send(executing(token, '1', '{ hello }')))).toBe(409);
    await app.publish('r', 'heard');
    await clock.settle();

    expect(stream.events()).toEqual([next('1', { data: { message: { text: 'heard' } } })]);
  });

  it.each([
    ['a syntax error', '{', 400],
    ['a field that does not exist', '{ nope }', 400],
    ['an unnamed operation of two', 'query a { hello } query b { hello }', 400],
    ['a variable that is missing', 'query ($n: Int!) { double(n: $n) }', 400],
    [
      'a variable of a subscription that is missing',
      'subscription ($n: Int!) { countdown(from: $n) }',
      400,
    ],
    ['a resolver that refuses', 'subscription { refuses }', 500],
    ['too many aliases', `{ ${'a: hello '.repeat(31)} }`, 400],
  ])('SSE-37, SSE-38 tells of %s in the answer, and frees the id', async (_what, query, status) => {
    const { send, reserve } = stage();
    const token = await reserve();
    const stream = await send(opening(token));

    const refused = await send(executing(token, '1', query));
    expect(await statusOf(refused)).toBe(status);
    expect(refused.json).toEqual({ errors: [expect.anything()] });
    expect(stream.events()).toEqual([]);

    expect(await statusOf(await send(executing(token, '1', '{ hello }')))).toBe(202);
  });

  it('refuses a mutation by GET', async () => {
    const { send, reserve } = stage();
    const parameters = new URLSearchParams({
      token: await reserve(),
      query: 'mutation { post(room: "r", text: "t") }',
      extensions: '{"operationId":"1"}',
    });

    const answer = await send({ method: 'GET', url: `/graphql?${String(parameters)}` });

    expect(await answer.answered).toMatchObject({ status: 405, headers: { allow: 'POST' } });
  });

  it('does not show the context the id that belongs to the transport', async () => {
    const seen: unknown[] = [];
    const { send, reserve } = stage({
      context: ({ operation }) => seen.push(operation.extensions),
    });

    await send({
      headers: { [tokenHeader]: await reserve() },
      body: { query: '{ hello }', extensions: { operationId: '1', trace: 't' } },
    });

    expect(seen).toEqual([{ trace: 't' }]);
  });

  it('SSE-41 before the stream opens has its results wait, in order', async () => {
    const { send, reserve, app, clock } = stage();
    const token = await reserve();
    await send(executing(token, '1', messages('r')));
    for (const text of ['one', 'two']) await app.publish('r', text);
    await clock.settle();
    await send(executing(token, '2', '{ hello }'));

    const stream = await send(opening(token));

    expect(stream.events()).toEqual([
      next('1', { data: { message: { text: 'one' } } }),
      next('1', { data: { message: { text: 'two' } } }),
      next('2', { data: { hello: 'world' } }),
      complete('2'),
    ]);
  });

  it('before the stream opens has a source that can wait do so', async () => {
    const { send, reserve, server, clock } = stage({ limits: { outboxHighWaterBytes: 1_000 } });
    const token = await reserve();
    await send(executing(token, '1', 'subscription { flood(bytes: 100) }'));
    await clock.settle();
    expect(server.gauges()).toMatchObject({ connections: 1, operations: 1 });

    const stream = await send({ ...opening(token) });
    await clock.settle();

    expect(stream.text.length).toBeGreaterThan(1_000);
    expect(stream.ending).toBe('open');
    stream.leave();
  });

  it('before the stream opens is given up when more waits than a slow reader may have', async () => {
    const { send, reserve, app, server, clock } = stage({
      limits: { outboxHighWaterBytes: 1_000 },
    });
    const token = await reserve();
    await send(executing(token, '1', messages('r')));

    for (let sent = 0; sent < 20; sent += 1) await app.publish('r', 'x'.repeat(100));
    await clock.settle();

    expect(server.gauges()).toEqual(nothingHeld);
    expect(app.openSources()).toBe(0);
    expect(await statusOf(await send(opening(token)))).toBe(404);
  });

  it('SSE-42 interleaves operations under their ids', async () => {
    const { send, reserve, app, clock } = stage();
    const token = await reserve();
    const stream = await send(opening(token));
    await send(executing(token, 'a', messages('a')));
    await send(executing(token, 'b', messages('b')));

    for (const room of ['a', 'b', 'a']) {
      await app.publish(room, room);
      await clock.settle();
    }

    expect(stream.events()).toEqual(
      ['a', 'b', 'a'].map((id) => next(id, { data: { message: { text: id } } })),
    );
  });

  it('SSE-43 leaves the others running when a source fails', async () => {
    const { send, reserve, app, clock } = stage();
    const token = await reserve();
    const stream = await send(opening(token));
    await send(executing(token, 'other', messages('r')));

    await send(executing(token, '1', 'subscription { breaks }'));
    await app.publish('r', 'heard');
    await clock.settle();

    expect(stream.events()).toEqual([
      next('1', { data: { breaks: 1 } }),
      next('1', { errors: [expect.objectContaining({ message: 'Internal server error' })] }),
      complete('1'),
      next('other', { data: { message: { text: 'heard' } } }),
    ]);
  });

  it('is bounded as on a socket, and an id is free after its refusal', async () => {
    const { send, reserve, clock } = stage({
      limits: {
        operationsPerConnection: 2,
        operationIdBytes: 10,
        subscribeBurst: 3,
        subscribesPerSecond: 1,
      },
    });
    const token = await reserve();
    await send(opening(token));
    const execute = async (id: string) => {
      const answer = await send(executing(token, id, messages('r')));
      const [error] = answer.text === '' ? [] : (answer.json as { errors: object[] }).errors;
      return [await statusOf(answer), error];
    };

    expect(await execute('1')).toEqual([202, undefined]);
    expect(await execute('an id too long')).toEqual([
      400,
      limited('operationIdBytes', 'OPERATION_ID_TOO_LONG'),
    ]);
    expect(await execute('2')).toEqual([202, undefined]);
    expect(await execute('3')).toEqual([
      429,
      limited('operationsPerConnection', 'TOO_MANY_OPERATIONS'),
    ]);
    await send(stopping(token, '1'));
    expect(await execute('3')).toEqual([202, undefined]);
    await send(stopping(token, '3'));
    expect(await execute('3')).toEqual([429, limited('subscribesPerSecond', 'RATE_LIMITED')]);
    await clock.advance(1_000);
    expect(await execute('3')).toEqual([202, undefined]);
  });
});

it('the ids of operations that ended leave their budget', async () => {
  const { send, reserve } = stage({ limits: { operationIdBudgetBytes: 10 } });
  const token = await reserve();
  await send(opening(token));

  for (const id of ['eight ch', 'or eight', 'and more']) {
    expect(await statusOf(await send(executing(token, id, '{ hello }')))).toBe(202);
  }
  await send(executing(token, 'eight ch', messages('r')));
  expect(await statusOf(await send(executing(token, 'or eight', '{ hello }')))).toBe(400);
});

it('a persisted query that is not known is no promise of results', async () => {
  const { send, reserve } = stage({ persistedQueries: {} });
  const persistedQuery = { version: 1, sha256Hash: 'a'.repeat(64) };

  const answer = await send({
    headers: { [tokenHeader]: await reserve() },
    body: { extensions: { operationId: '1', persistedQuery } },
  });

  expect(await statusOf(answer)).toBe(400);
  expect(answer.json).toMatchObject({
    errors: [{ extensions: { code: 'PERSISTED_QUERY_NOT_FOUND' } }],
  });
});

describe('stopping an operation', () => {
  it('SSE-39 stops its source and says nothing more of it', async () => {
    const { send, reserve, app, clock } = stage();
    const token = await reserve();
    const stream = await send(opening(token));
    await send(executing(token, '1', messages('r')));

    expect(await statusOf(await send(stopping(token, '1')))).toBe(200);
    expect(app.openSources()).toBe(0);
    await app.publish('r', 'unheard');
    await clock.settle();

    expect(stream.events()).toEqual([]);
    expect(await statusOf(await send(executing(token, '1', '{ hello }')))).toBe(202);
  });

  it('SSE-40 that does not exist is no error', async () => {
    const { send, reserve } = stage();

    expect(await statusOf(await send(stopping(await reserve(), 'nope')))).toBe(200);
  });

  it('needs an id, and a token that is known', async () => {
    const { send, reserve } = stage();

    expect(await statusOf(await send(stopping(await reserve(), '')))).toBe(400);
    expect(await statusOf(await send(stopping('guess', '1')))).toBe(404);
  });

  it.each(['subscription { never }', 'subscription { slowStart }'])(
    'answers a request for %s that still waits',
    async (query) => {
      const { send, reserve, app, server, clock } = stage();
      const token = await reserve();
      const stream = await send(opening(token));
      const executed = await send(executing(token, '1', query));
      expect(executed.hasBegun).toBe(false);

      await send(stopping(token, '1'));

      expect(await executed.answered).toMatchObject({ status: 204, body: '' });
      app.release('slowStart');
      await clock.settle();
      expect(app.openSources()).toBe(0);
      expect(server.gauges()).toMatchObject({ operations: 0 });
      expect(stream.events()).toEqual([]);
    },
  );

  it('whose hook still thinks leaves nothing, and the next one under its id is another', async () => {
    const gate = new EventEmitter();
    const { send, reserve, clock } = stage({
      onSubscribe: async ({ operation }) => {
        if (operation.query === '{ hello }') return;
        await once(gate, 'admit');
      },
    });
    const token = await reserve();
    const stream = await send(opening(token));
    const first = await send(executing(token, '1', countdown));
    await send(stopping(token, '1'));
    await send(executing(token, '1', '{ hello }'));

    gate.emit('admit');
    await clock.settle();

    expect(await statusOf(first)).toBe(204);
    expect(stream.events()).toEqual([next('1', { data: { hello: 'world' } }), complete('1')]);
  });

  it('answers requests that still wait when the stream is left', async () => {
    const { send, reserve, server, clock } = stage();
    const token = await reserve();
    const stream = await send(opening(token));
    const executed = await send(executing(token, '1', 'subscription { never }'));

    stream.leave();
    await clock.settle();

    expect(await statusOf(executed)).toBe(204);
    expect(server.gauges()).toEqual(nothingHeld);
  });
});

describe('who may use a stream', () => {
  const users = {
    onConnect: ({ request }) => ({ user: request.headers['authorization'] }),
    principal: (session) => (session as { readonly user?: string }).user,
  } satisfies Partial<ServerOptions>;
  it('is who reserved it: to others the token is unknown', async () => {
    const { send, reserve, app } = stage(users);
    const token = await reserve(as('ada'));
    const asBob = (request: MemoryRequest): MemoryRequest => ({
      ...request,
      headers: { ...request.headers, ...as('bob') },
    });

    expect(await statusOf(await send(asBob(opening(token))))).toBe(404);
    expect(await statusOf(await send(asBob(executing(token, '1', countdown))))).toBe(404);
    expect(await statusOf(await send(opening(token)))).toBe(404);

    const own = await send({ ...opening(token), headers: { accept: '*/*', ...as('ada') } });
    expect(await statusOf(own)).toBe(200);
    await send(executing(token, '1', messages('r'), as('ada')));
    expect(await statusOf(await send(asBob(stopping(token, '1'))))).toBe(404);
    expect(app.openSources()).toBe(1);
  });

  it('is decided by the connect hook for every request', async () => {
    let isOpenToAll = true;
    const { send, reserve, app } = stage({ onConnect: () => isOpenToAll || refuse() });
    const token = await reserve();
    isOpenToAll = false;

    for (const request of [
      { method: 'PUT' },
      opening(token),
      executing(token, '1', messages('r')),
      stopping(token, '1'),
    ]) {
      expect(await statusOf(await send(request))).toBe(403);
    }
    expect(app.openSources()).toBe(0);
  });

  it('has streams and operations counted', async () => {
    const { send, reserve } = stage({
      ...users,
      limits: { connectionsPerPrincipal: 1, operationsPerPrincipal: 1 },
    });
    const token = await reserve(as('ada'));
    await reserve(as('bob'));

    const refused = await send({ method: 'PUT', headers: as('ada') });
    expect(await statusOf(refused)).toBe(429);
    expect(refused.json).toMatchObject({
      errors: [{ extensions: { code: 'TOO_MANY_CONNECTIONS', maximum: 1 } }],
    });
    await send(executing(token, '1', messages('r'), as('ada')));
    expect(await statusOf(await send(executing(token, '2', countdown, as('ada'))))).toBe(429);
    expect(await statusOf(await send({ headers: as('ada'), body: { query: '{ hello }' } }))).toBe(
      429,
    );
    await send({ ...stopping(token, '1'), headers: { [tokenHeader]: token, ...as('ada') } });
    expect(await statusOf(await send(executing(token, '2', countdown, as('ada'))))).toBe(202);
  });

  it('gives back what it took when the operation, the request or the stream ends', async () => {
    const { send, reserve, clock } = stage({
      ...users,
      limits: { connections: 1, connectionsPerPrincipal: 1, operationsPerPrincipal: 1 },
    });

    for (let round = 0; round < 2; round += 1) {
      const token = await reserve(as('ada'));
      const headers = { accept: '*/*', ...as('ada') };
      const stream = await send({ ...opening(token), headers });
      expect(await statusOf(stream)).toBe(200);
      await send(executing(token, '1', '{ hello }', as('ada')));
      expect((await send({ headers, body: { query: '{ hello }' } })).json).toEqual({
        data: { hello: 'world' },
      });
      stream.leave();
      await clock.settle();
    }
  });

  it('is nobody when that cannot be found out', async () => {
    const { send, hidden } = stage({
      principal: () => {
        throw new Error('no such user');
      },
    });

    expect(await statusOf(await send({ method: 'PUT' }))).toBe(500);
    expect(hidden).toEqual(['principal: no such user']);
  });

  it('hears of the end of each session once, of an operation when that has ended', async () => {
    const gone: unknown[] = [];
    let sessions = 0;
    const { send, reserve, clock } = stage({
      onConnect: () => ({ number: (sessions += 1) }),
      onDisconnect: ({ session, protocol }) =>
        gone.push([(session as { readonly number: number }).number, protocol]),
    });
    const token = await reserve();
    const stream = await send(opening(token));
    await send(executing(token, '1', messages('r')));
    expect(gone).toEqual([[2, 'sse-single']]);

    await send(stopping(token, '1'));
    expect(gone.slice(1)).toEqual([
      [3, 'sse-single'],
      [4, 'sse-single'],
    ]);
    stream.leave();
    await clock.settle();
    expect(gone.slice(3)).toEqual([[1, 'sse-single']]);
  });
});

describe('a token parameter that is not ours', () => {
  it('is left to the program, which authenticates by it', async () => {
    const { send } = stage({
      onConnect: ({ request }) => request.url.includes('token=of-ada') || refuse(),
    });

    const query = await send({ url: '/graphql?token=of-ada', body: { query: '{ hello }' } });
    const stream = await send({
      method: 'GET',
      url: `/graphql?token=of-ada&${String(new URLSearchParams({ query: countdown }))}`,
      headers: { accept: 'text/event-stream' },
    });
    const persisted = await send({
      method: 'GET',
      url: '/graphql?token=of-ada&documentId=d',
      headers: { accept: 'text/event-stream' },
    });

    expect(query.json).toEqual({ data: { hello: 'world' } });
    expect(stream.events()).toEqual([
      ['next', { data: { countdown: 1 } }],
      ['complete', ''],
    ]);
    expect(persisted.text).not.toContain('STREAM_NOT_FOUND');
  });

  it('means nothing where the single connection mode is off', async () => {
    const { send } = stage({ protocols: ['sse'] });

    expect(await statusOf(await send({ method: 'PUT' }))).toBe(405);
    expect(
      (
        await send({
          url: '/graphql?token=guess',
          body: { query: '{ hello }', extensions: { operationId: '1' } },
        })
      ).json,
    ).toEqual({ data: { hello: 'world' } });
  });
});

it.each(['PATCH', 'HEAD'])('the method %s is not allowed', async (method) => {
  const { send, reserve } = stage();

  const answer = await send({ method, headers: { [tokenHeader]: await reserve() } });

  expect(await answer.answered).toMatchObject({
    status: 405,
    headers: { allow: 'GET, POST, PUT, DELETE' },
  });
});
