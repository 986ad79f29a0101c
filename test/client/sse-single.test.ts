import { sseSingle } from 'millrace/client/sse-single';
import { describe, expect, it } from 'vitest';

import { failure } from '../support/response-stage.ts';
import { SingleStage, completeOf, nextOf, token } from '../support/sse-single-stage.ts';

const tick = (n: number) => ({ data: { tick: n } });
const lost = failure('CONNECTION_LOST', { retryable: true });
const tokenHeader = 'x-graphql-event-stream-token';
const withId = (eventId: string, id: string, payload: unknown) =>
  `id: ${eventId}\n${nextOf(id, payload)}`;

describe('a connection', () => {
  it('is shared, and says nothing before its calls return', () => {
    const { heard, connection } = new SingleStage({
      url: () => {
        throw new Error('none');
      },
    });

    expect(sseSingle().isShared).toBe(true);
    expect(connection.confirmsStarts).toBe(true);
    expect(heard).toEqual([]);
  });

  it('reserves a stream, opens it, and serves once that is there', async () => {
    const stage = new SingleStage();
    await stage.clock.settle();
    expect(stage.methods).toBe('PUT');
    expect(stage.last('PUT').headers.get('accept')).toBe('text/plain');
    expect(stage.last('PUT').headers.has(tokenHeader)).toBe(false);

    await stage.reserve();
    expect(stage.methods).toBe('PUT GET');
    expect(Object.fromEntries(stage.last('GET').headers)).toEqual({
      accept: 'text/event-stream',
      [tokenHeader]: token,
    });
    expect(stage.heard).toEqual([]);
    stage.last('GET').respond({ type: 'text/event-stream' });
    await stage.clock.settle();
    expect(stage.heard).toEqual(['connected']);
    expect(stage.clock.timerCount).toBe(0);
  });

  it('SSE-68 sends the token with every request, and an id of its own with every operation', async () => {
    const stage = new SingleStage({ url: 'ws://host.example/graphql?key=a%2Fb&token=mine' });
    await stage.open();
    const first = await stage.start({ extensions: { a: 1, operationId: 'theirs' } });
    await stage.accept();
    await stage.start({ operationName: 'S', variables: { n: 1 } });
    first.stop();
    await stage.clock.settle();

    const [reservation, ...others] = stage.requests;
    expect(reservation?.headers.get(tokenHeader)).toBe(null);
    expect(others.map(({ headers }) => headers.get(tokenHeader))).toEqual(others.map(() => token));
    expect(stage.requests.map(({ body }) => body).filter(Boolean)).toEqual([
      { query: 'subscription { tick }', extensions: { a: 1, operationId: '1' } },
      {
        query: 'subscription { tick }',
        operationName: 'S',
        variables: { n: 1 },
        extensions: { operationId: '2' },
      },
    ]);
    expect(stage.requests.map(({ method, url }) => [method, url])).toEqual([
      ['PUT', 'http://host.example/graphql?key=a%2Fb&token=mine'],
      ['GET', 'http://host.example/graphql?key=a%2Fb&token=mine'],
      ['POST', 'http://host.example/graphql?key=a%2Fb&token=mine'],
      ['POST', 'http://host.example/graphql?key=a%2Fb&token=mine'],
      ['DELETE', 'http://host.example/graphql?key=a%2Fb&token=mine&operationId=1'],
    ]);
  });

  it('asks for url once, for headers with each request, and lets nobody replace what each accepts', async () => {
    let urls = 0;
    let requests = 0;
    const stage = new SingleStage({
      url: () => `http://host.example/${(urls += 1)}`,
      headers: async () => ({
        authorization: `Bearer ${(requests += 1)}`,
        accept: 'text/html',
        'content-type': 'text/html',
      }),
      requestInit: { credentials: 'include' },
    });
    await stage.open();
    await stage.start();

    expect(
      stage.requests.map(({ url, headers }) => [
        url,
        headers.get('authorization'),
        headers.get('accept'),
        headers.get('content-type'),
      ]),
    ).toEqual([
      ['http://host.example/1', 'Bearer 1', 'text/plain', null],
      ['http://host.example/1', 'Bearer 2', 'text/event-stream', null],
      ['http://host.example/1', 'Bearer 3', 'application/json', 'application/json'],
    ]);
    for (const { init } of stage.requests) expect(init.credentials).toBe('include');
  });

  it('SSE-70 is lost with its stream, as soon as that ends or breaks', async () => {
    for (const end of ['end', 'break'] as const) {
      const stage = new SingleStage();
      const stream = await stage.open();
      const { heard } = await stage.start();
      await stage.accept();
      await stream.send('retry: 2500\n\n', nextOf('1', tick(1)), 'event: next\n');
      await stream[end]();

      expect(heard).toEqual(['started', ['next', tick(1)]]);
      expect(stage.heard).toEqual([
        'connected',
        ['closed', failure('CONNECTION_LOST', { retryable: true, retryAfterMs: 2_500 })],
      ]);
      expect(stage.clock.timerCount).toBe(0);
    }
  });

  it('SSE-65 leaves by closing its stream, without another word', async () => {
    const stage = new SingleStage();
    const stream = await stage.open();
    const running = await stage.start();
    await stage.accept();
    const asked = await stage.start();
    stage.connection.close();
    running.stop();
    asked.stop();
    await stream.send(nextOf('1', tick(1)));

    expect(stage.methods).toBe('PUT GET POST POST');
    expect(stage.last('GET').isAborted).toBe(true);
    expect(stage.last('POST').isAborted).toBe(true);
    expect(stream.isReleased).toBe(true);
    expect(running.heard).toEqual(['started']);
    expect(asked.heard).toEqual([]);
    expect(stage.heard).toEqual(['connected']);
    expect(stage.clock.timerCount).toBe(0);
  });

  it('has a signal of its own for each request, so that nothing listens longer than that takes', async () => {
    const stage = new SingleStage();
    await stage.open();
    for (let i = 0; i < 20; i += 1) {
      await stage.start();
      await stage.accept();
    }

    expect(new Set(stage.requests.map(({ init }) => init.signal)).size).toBe(22);
  });

  it('starts nothing any more once it is closed', async () => {
    const stage = new SingleStage();
    await stage.open();
    stage.connection.close();
    const { heard, stop } = await stage.start();
    stop();

    expect(stage.methods).toBe('PUT GET');
    expect(heard).toEqual([]);
  });

  it.each(['PUT', 'GET'])(
    'releases the answer to its %s that comes when nobody wants it any more',
    async (method) => {
      const stage = new SingleStage({}, { ignoresSignals: true });
      await (method === 'PUT' ? stage.clock.settle() : stage.reserve());
      stage.connection.close();
      const response = stage.last(method).respond({ type: 'text/event-stream' });
      await stage.clock.settle();

      expect(response.isReleased).toBe(true);
      expect(stage.heard).toEqual([]);
      expect(stage.methods).toBe(method === 'PUT' ? 'PUT' : 'PUT GET');
      expect(stage.clock.timerCount).toBe(0);
    },
  );

  it('closes the stream of a `fetch` that knows no signals', async () => {
    const stage = new SingleStage({}, { ignoresSignals: true });
    const stream = await stage.open();
    stage.connection.close();
    await stage.clock.settle();

    expect(stream.isReleased).toBe(true);
  });

  it('may be closed while it tells that it serves', async () => {
    const stage: SingleStage = new SingleStage({}, {}, () => stage.connection.close());
    const { heard } = await stage.start({ kind: 'mutation' });
    await stage.open();

    expect(stage.methods).toBe('PUT GET');
    expect(heard).toEqual([]);
    expect(stage.clock.timerCount).toBe(0);
  });
});

describe('an operation', () => {
  it('SSE-71 is asked for while the stream opens, and its results are not lost', async () => {
    const stage = new SingleStage();
    const { heard } = await stage.start();
    expect(stage.methods).toBe('PUT');

    const opening = stage.open();
    await stage.clock.settle();
    const stream = await opening;
    expect(stage.methods).toBe('PUT GET POST');
    expect(stage.last('POST').isAborted).toBe(false);
    await stream.send(nextOf('1', tick(1)), nextOf('1', tick(2)));
    expect(heard).toEqual(['started', ['next', tick(1)], ['next', tick(2)]]);
    await stage.accept();
    await stream.send(nextOf('1', tick(3)), completeOf('1'));

    expect(heard.slice(3)).toEqual([['next', tick(3)], 'complete']);
    expect(stage.heard).toEqual(['connected']);
    expect(stage.stopped).toEqual([]);
  });

  it('runs once the server has accepted it and the stream is there', async () => {
    const stage = new SingleStage();
    await stage.reserve();
    const { heard } = await stage.start();
    await stage.accept();
    expect(heard).toEqual([]);

    stage.last('GET').respond({ type: 'text/event-stream' });
    await stage.clock.settle();
    expect(heard).toEqual(['started']);
  });

  it.each([
    { kind: 'mutation' },
    { kind: 'subscription', query: '# a\nquery Q { a } mutation M { b }' },
  ] as const)('that may change something waits for the stream: %j', async (request) => {
    const stage = new SingleStage();
    await stage.reserve();
    await stage.start(request);
    expect(stage.methods).toBe('PUT GET');

    stage.last('GET').respond({ type: 'text/event-stream' });
    await stage.clock.settle();
    expect(stage.methods).toBe('PUT GET POST');
  });

  it('that ended before its request was answered is not stopped', async () => {
    const stage = new SingleStage();
    const stream = await stage.open();
    const { heard, stop } = await stage.start({ kind: 'query' });
    await stream.send(nextOf('1', tick(1)) + completeOf('1'));
    stop();
    await stage.accept();

    expect(heard).toEqual(['started', ['next', tick(1)], 'complete']);
    expect(stage.stopped).toEqual([]);
  });

  it('gets its own results, whatever runs beside it', async () => {
    const stage = new SingleStage();
    const stream = await stage.open();
    const first = await stage.start();
    const second = await stage.start();
    await stream.send(nextOf('2', tick(2)), nextOf('1', tick(1)), completeOf('2'));
    await stream.send(nextOf('1', tick(3)));

    expect(first.heard).toEqual(['started', ['next', tick(1)], ['next', tick(3)]]);
    expect(second.heard).toEqual(['started', ['next', tick(2)], 'complete']);
  });

  it('SSE-69 hears nothing of what is said about others, or about itself after its end', async () => {
    const stage = new SingleStage();
    const stream = await stage.open();
    const { heard } = await stage.start();
    await stream.send(completeOf('1') + completeOf('1') + nextOf('1', tick(1)));
    expect(stage.heard).toEqual(['connected']);

    await stream.send(nextOf('7', tick(7)), completeOf('other'));
    expect(heard).toEqual(['complete']);
    expect(stage.heard.slice(1)).toEqual([
      ['violated', 'No operation has this id.'],
      ['violated', 'No operation has this id.'],
    ]);
  });

  it('SSE-65 is stopped by one DELETE, and hears nothing after', async () => {
    const stage = new SingleStage();
    const stream = await stage.open();
    const { heard, stop } = await stage.start();
    await stage.accept();
    stop();
    stop();
    await stage.clock.settle();
    const response = stage.last('DELETE').respond({ status: 200, type: 'text/plain' });
    await stream.send(nextOf('1', tick(1)), completeOf('1'));

    expect(stage.stopped).toEqual(['1']);
    expect(heard).toEqual(['started']);
    expect(response.isReleased).toBe(true);
    expect(stage.heard).toEqual(['connected']);
  });

  it('SSE-65 that is left before the answer to its request is stopped after it', async () => {
    const stage = new SingleStage();
    const stream = await stage.open();
    const { heard, stop } = await stage.start();
    stop();
    await stream.send(nextOf('1', tick(1)));
    expect(stage.stopped).toEqual([]);
    expect(stage.last('POST').isAborted).toBe(false);

    await stage.accept();
    expect(stage.stopped).toEqual(['1']);
    expect(heard).toEqual([]);
  });

  it.each([400, 409, 429])(
    'that is left and was refused with %i is not stopped',
    async (status) => {
      const stage = new SingleStage();
      await stage.open();
      const { heard, stop } = await stage.start();
      stop();
      await stage.answer('POST', { status, type: 'text/html' }, 'no');

      expect(stage.stopped).toEqual([]);
      expect(heard).toEqual([]);
      expect(stage.heard).toEqual(['connected']);
    },
  );

  it('that is left while a proxy gives up on it is stopped, for it may run', async () => {
    const stage = new SingleStage();
    await stage.open();
    const { stop } = await stage.start();
    stop();
    await stage.answer('POST', { status: 504, type: 'text/html' }, 'late');

    expect(stage.stopped).toEqual(['1']);
    expect(stage.heard).toEqual(['connected']);
  });

  it('that is left before it was asked for costs no request', async () => {
    const stage = new SingleStage();
    const { stop } = await stage.start();
    stop();
    await stage.open();

    expect(stage.methods).toBe('PUT GET');
  });

  it('that is left while it is told of a result gets no more of the same chunk', async () => {
    const stage = new SingleStage();
    const stream = await stage.open();
    const { heard } = await stage.start({}, ({ stop }) => stop());
    await stage.accept();
    await stream.send(nextOf('1', tick(1)) + nextOf('1', tick(2)) + completeOf('1'));

    expect(heard).toEqual(['started', ['next', tick(1)]]);
    expect(stage.stopped).toEqual(['1']);
  });

  it('that JSON cannot hold fails at the call, and takes no id', async () => {
    const stage = new SingleStage();
    await stage.open();

    await expect(stage.start({ variables: { n: 1n } })).rejects.toThrow(TypeError);
    await stage.start();
    expect(stage.methods).toBe('PUT GET POST');
    expect(stage.idOf(stage.last('POST'))).toBe('1');
  });
});

describe('the stream', () => {
  it.each(['{"id":', '[]', '{"payload":{}}', '{"id":1,"payload":{}}', '{"id":"1","payload":[]}'])(
    'goes on after a result that is %s, which is reported',
    async (data) => {
      const stage = new SingleStage();
      const stream = await stage.open();
      const { heard } = await stage.start();
      await stream.send(`event: next\ndata: ${data}\n\n`, nextOf('1', tick(1)));

      expect(heard).toEqual(['started', ['next', tick(1)]]);
      expect(stage.heard).toEqual(['connected', ['violated', expect.any(String)]]);
    },
  );

  it('may hold comments and events of other names', async () => {
    const stage = new SingleStage();
    const stream = await stage.open();
    const { heard } = await stage.start();
    await stream.send(': hello\n\nevent: ping\ndata: {}\n\ndata: {}\n\n', nextOf('1', tick(1)));

    expect(heard).toEqual(['started', ['next', tick(1)]]);
    expect(stage.heard).toEqual(['connected']);
  });

  it('is given up if an event has no end', async () => {
    const stage = new SingleStage();
    const stream = await stage.open();
    await stream.send('data: ');
    const megabyte = 'x'.repeat(1_024 * 1_024);
    for (let i = 0; i < 17; i += 1) await stream.send(megabyte);

    expect(stage.heard).toEqual([
      'connected',
      ['closed', failure('MESSAGE_TOO_BIG', { retryable: false })],
    ]);
    expect(stream.isReleased).toBe(true);
  });

  it('counts as lost when it is silent for three times as long as between its heartbeats', async () => {
    const stage = new SingleStage();
    const stream = await stage.open();
    await stage.clock.advance(600_000);
    await stream.send(':\n\n');
    await stage.clock.advance(12_000);
    await stream.send(':\n\n');
    await stage.clock.advance(35_999);
    expect(stage.heard).toEqual(['connected']);

    await stage.clock.advance(1);
    expect(stage.heard).toEqual([
      'connected',
      ['closed', failure('TERMINATED', { retryable: true })],
    ]);
    expect(stream.isReleased).toBe(true);
  });

  it('counts as lost when it is silent for `silenceMs`; anything that comes is a sign of life', async () => {
    const stage = new SingleStage({ silenceMs: 5_000 });
    const stream = await stage.open();
    await stage.start();
    await stage.clock.advance(4_999);
    await stream.send(nextOf('1', tick(1)));
    await stage.clock.advance(4_999);
    expect(stage.heard).toEqual(['connected']);

    await stage.clock.advance(1);
    expect(stage.heard).toEqual([
      'connected',
      ['closed', failure('TERMINATED', { retryable: true })],
    ]);
  });
});

describe('the id of an event', () => {
  const resumable = { extensions: { resume: {} } };

  it('is the resume token of that result alone, for an operation that wants to resume', async () => {
    const stage = new SingleStage();
    const stream = await stage.open();
    const first = await stage.start(resumable);
    const second = await stage.start(resumable);
    const indifferent = await stage.start();
    const own = { ...tick(4), extensions: { resume: { token: 'own' } } };
    await stream.send(
      withId('t1', '1', tick(1)),
      nextOf('2', tick(1)),
      withId('t1', '2', tick(2)),
      'id: t2\n\n',
      nextOf('1', tick(3)),
      withId('t3', '1', own),
      withId('t4', '3', tick(5)),
    );

    const resumedAt = (n: number, at: string) => ({
      ...tick(n),
      extensions: { resume: { token: at } },
    });
    expect(first.heard.slice(1)).toEqual([
      ['next', resumedAt(1, 't1')],
      ['next', tick(3)],
      ['next', own],
    ]);
    expect(second.heard.slice(1)).toEqual([
      ['next', tick(1)],
      ['next', resumedAt(2, 't1')],
    ]);
    expect(indifferent.heard.slice(1)).toEqual([['next', tick(5)]]);
  });
});

describe('a request without an answer', () => {
  it.each(['PUT', 'GET'])('ends the connection, to be tried again: %s', async (method) => {
    const stage = new SingleStage();
    await (method === 'PUT' ? stage.clock.settle() : stage.reserve());
    stage.last(method).refuse();
    await stage.clock.settle();

    expect(stage.heard).toEqual([['closed', lost]]);
    expect(stage.clock.timerCount).toBe(0);
  });

  it.each(['POST', 'DELETE'])('ends the connection of a subscription: %s', async (method) => {
    const stage = new SingleStage();
    const stream = await stage.open();
    const first = await stage.start();
    await stage.accept();
    const { heard, stop } = await stage.start();
    if (method === 'DELETE') {
      await stage.accept();
      stop();
      await stage.clock.settle();
    }
    stage.last(method).refuse();
    await stage.clock.settle();

    expect(stage.heard).toEqual(['connected', ['closed', lost]]);
    expect(stream.isReleased).toBe(true);
    expect(first.heard).toEqual(['started']);
    expect(heard).toEqual(method === 'DELETE' ? ['started'] : []);
  });

  it.each(['query', 'mutation'] as const)(
    'ends a %s alone, which is stopped, for it may run',
    async (kind) => {
      const stage = new SingleStage();
      await stage.open();
      const other = await stage.start();
      await stage.accept();
      const { heard } = await stage.start({ kind });
      stage.last('POST').refuse();
      await stage.clock.settle();

      expect(heard).toEqual([['failed', lost]]);
      expect(stage.stopped).toEqual(['2']);
      expect(other.heard).toEqual(['started']);
      expect(stage.heard).toEqual(['connected']);
    },
  );

  it('has what was left meanwhile stopped, for it may run', async () => {
    const stage = new SingleStage();
    await stage.open();
    const { heard, stop } = await stage.start();
    stop();
    stage.last('POST').refuse();
    await stage.clock.settle();

    expect(heard).toEqual([]);
    expect(stage.stopped).toEqual(['1']);
    expect(stage.heard).toEqual(['connected']);
  });

  it('that may not be sent, for want of headers, ends the operation alone', async () => {
    let requests = 0;
    const stage = new SingleStage({
      headers: () => {
        requests += 1;
        if (requests === 3) throw new Error('no token');
        return {};
      },
    });
    await stage.open();
    const { heard } = await stage.start();
    const other = await stage.start();
    await stage.accept();

    expect(heard).toEqual([['failed', failure('CLIENT_ERROR', { retryable: false })]]);
    expect(other.heard).toEqual(['started']);
    expect(stage.heard).toEqual(['connected']);
  });

  it.each([
    ['a url', { url: 'http://' }],
    ['a function', { url: () => Promise.reject(new Error('none')) }],
    ['headers', { headers: { 'a b': 'c' } }],
  ])('is the fault of the caller for want of %s', async (_, options) => {
    const stage = new SingleStage(options);
    await stage.clock.settle();

    expect(stage.heard).toEqual([['closed', failure('CLIENT_ERROR', { retryable: false })]]);
    expect(stage.clock.timerCount).toBe(0);
  });

  it.each(['url', 'PUT', 'GET'])('is waited for `connectTimeoutMs`: %s', async (what) => {
    for (const [options, periodMs] of [
      [{}, 10_000],
      [{ connectTimeoutMs: 50 }, 50],
    ] as const) {
      const url = what === 'url' ? { url: () => new Promise<string>(() => {}) } : {};
      const stage = new SingleStage({ ...options, ...url });
      if (what === 'GET') await stage.reserve();
      await stage.clock.advance(periodMs - 1);
      expect(stage.heard).toEqual([]);

      await stage.clock.advance(1);
      expect(stage.heard).toEqual([['closed', failure('CONNECT_TIMEOUT', { retryable: true })]]);
      expect(stage.requests.at(-1)?.isAborted ?? true).toBe(true);
    }
  });
});

describe('a `fetch` that does not stream', () => {
  it('is told so at once, for good', async () => {
    const stage = new SingleStage({}, { hasNoStreams: true });
    await stage.reserve();

    expect(stage.methods).toBe('PUT');
    expect(stage.heard).toEqual([
      [
        'closed',
        failure('CLIENT_ERROR', {
          retryable: false,
          message: 'The single connection mode needs a `fetch` that streams.',
        }),
      ],
    ]);
    expect(stage.clock.timerCount).toBe(0);
  });

  it('still says why a server refuses', async () => {
    const stage = new SingleStage({}, { hasNoStreams: true });
    await stage.clock.settle();
    await stage.answer('PUT', { status: 403, type: 'text/plain' }, 'who are you?');

    expect(stage.heard).toEqual([
      ['closed', failure('CONNECTION_REFUSED', { status: 403, body: 'who are you?' })],
    ]);
  });
});
