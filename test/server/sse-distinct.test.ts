import { GraphQLError } from 'graphql';
import type { ServerOptions } from 'millrace/server';
import { refuse } from 'millrace/server';
import { describe, expect, it } from 'vitest';

import { EventStreamParser } from '../../src/protocol/sse/event-stream-parser.ts';
import type { Conversation } from '../support/conversation.ts';
import { converse } from '../support/conversation.ts';
import type { MemoryRequest } from '../support/memory-stream.ts';
import { MemoryStream } from '../support/memory-stream.ts';

interface Stage extends Conversation {
  /** Sends an operation that wants an event stream, and lets everything happen that needs no time. */
  readonly ask: (query: string, more?: MemoryRequest) => Promise<MemoryStream>;
}

function stage(options: Partial<ServerOptions> = {}): Stage {
  const conversation = converse({ protocols: ['sse'], ...options });
  return {
    ...conversation,
    async ask(query, more) {
      const stream = new MemoryStream(conversation.server, {
        headers: { accept: 'text/event-stream' },
        body: { query },
        ...more,
      });
      await conversation.clock.settle();
      return stream;
    },
  };
}

const byGet = (query: string): MemoryRequest => ({
  method: 'GET',
  url: `/graphql?${String(new URLSearchParams({ query }))}`,
});

const errorEvent = (code: string) => [
  'next',
  { errors: [expect.objectContaining({ extensions: expect.objectContaining({ code }) })] },
];
const completion = ['complete', ''];
const nothingHeld = { connections: 0, operations: 0, deadlines: 0, readers: 0 };

describe('an event stream of one operation', () => {
  it('SSE-1, SSE-17 has its type, and headers that keep it from being held back', async () => {
    const { ask } = stage();

    const stream = await ask('subscription { countdown(from: 1) }');

    expect(await stream.answered).toMatchObject({
      kind: 'stream',
      status: 200,
      headers: {
        'content-type': 'text/event-stream',
        'cache-control': 'no-cache, no-transform',
        'x-accel-buffering': 'no',
      },
    });
  });

  it('SSE-3, SSE-5, SSE-6, SSE-19 carries a result per event as it is, then the end, to the letter', async () => {
    const { ask } = stage();

    const stream = await ask('subscription { countdown(from: 2) }');

    expect(stream.text).toBe(
      ':\n\n' +
        'event: next\ndata: {"data":{"countdown":2}}\n\n' +
        'event: next\ndata: {"data":{"countdown":1}}\n\n' +
        'event: complete\ndata:\n\n',
    );
    expect(stream.ending).toBe('ended');
  });

  it.each(['{ hello }', 'mutation { post(room: "r", text: "t") }'])(
    'SSE-4 carries the one result of %s',
    async (query) => {
      const { ask } = stage();

      const stream = await ask(query);

      expect(stream.events()).toEqual([['next', { data: expect.anything() }], completion]);
      expect(stream.ending).toBe('ended');
    },
  );

  it.each([
    ['SSE-7 a field that does not exist', 'subscription { nope }', 'GRAPHQL_VALIDATION_FAILED'],
    ['SSE-8 a syntax error', 'subscription {', 'GRAPHQL_PARSE_FAILED'],
    [
      'SSE-8 one of two operations, unnamed',
      'query a { hello } query b { hello }',
      'OPERATION_NOT_FOUND',
    ],
    [
      'a variable that is missing',
      'subscription ($n: Int!) { countdown(from: $n) }',
      'BAD_USER_INPUT',
    ],
    ['a resolver that gives no stream', 'subscription { notAStream }', 'SUBSCRIBE_FAILED'],
    ['a resolver that refuses', 'subscription { refuses }', 'SUBSCRIBE_FAILED'],
  ])('tells of %s on the stream', async (_what, query, code) => {
    const { ask, server } = stage();

    const stream = await ask(query);

    expect(await stream.answered).toMatchObject({ kind: 'stream', status: 200 });
    expect(stream.events()).toEqual([errorEvent(code), completion]);
    expect(stream.ending).toBe('ended');
    expect(server.gauges()).toEqual(nothingHeld);
  });

  it('SSE-9 goes on after an execution error', async () => {
    const { ask } = stage();

    const stream = await ask('subscription { flaky }');

    expect(stream.events()).toEqual([
      ['next', { data: { flaky: 1 } }],
      ['next', { data: { flaky: null }, errors: [expect.objectContaining({ message: 'flaky' })] }],
      ['next', { data: { flaky: 3 } }],
      completion,
    ]);
  });

  it('SSE-10 ends with the failure of its source', async () => {
    const { ask, app } = stage();

    const stream = await ask('subscription { breaks }');

    expect(stream.events()).toEqual([
      ['next', { data: { breaks: 1 } }],
      errorEvent('SOURCE_FAILED'),
      completion,
    ]);
    expect(stream.text).not.toContain('secret');
    expect(app.openSources()).toBe(0);
  });

  it('SSE-11 is stopped when its client leaves', async () => {
    const { ask, app, server, clock } = stage();
    const stream = await ask('subscription { message(room: "r") { text } }');
    expect(app.openSources()).toBe(1);

    stream.leave();
    await clock.settle();

    expect(app.openSources()).toBe(0);
    expect(server.gauges()).toEqual(nothingHeld);
    expect(clock.timerCount).toBe(0);
  });

  it('SSE-12 is not opened for a mutation by GET', async () => {
    const { ask } = stage();

    const stream = await ask('', byGet('mutation { post(room: "r", text: "t") }'));
    const browser = await ask('', {
      ...byGet('mutation { post(room: "r", text: "t") }'),
      headers: { accept: 'text/event-stream' },
    });

    for (const { answered } of [stream, browser]) {
      expect(await answered).toMatchObject({
        kind: 'whole',
        status: 405,
        headers: { allow: 'POST' },
      });
    }
  });

  it('SSE-13 is opened by GET, as the EventSource of browsers asks', async () => {
    const { ask } = stage();

    const stream = await ask('', {
      ...byGet('subscription { countdown(from: 1) }'),
      headers: { accept: 'text/event-stream', 'cache-control': 'no-cache' },
    });

    expect(stream.events()).toEqual([['next', { data: { countdown: 1 } }], completion]);
  });

  it('SSE-14 begins with a comment at once, also while its resolver still thinks', async () => {
    const { ask, app, clock } = stage();

    const stream = await ask('subscription { slowStart }');
    expect(stream.writes).toEqual([':\n\n']);
    const query = await ask('{ slow }');
    expect(query.writes).toEqual([':\n\n']);

    app.release('slowStart');
    app.release('slow');
    await clock.settle();
    expect(stream.events().at(-1)).toEqual(completion);
    expect(query.events()).toEqual([['next', { data: { slow: 'late' } }], completion]);
  });

  it('SSE-14 has a comment after every 12 s of silence', async () => {
    const { ask, app, clock } = stage({ resume: false });
    const stream = await ask('subscription { message(room: "r") { text } }');

    await clock.advance(12_000);
    expect(stream.writes).toEqual([':\n\n', ':\n\n']);
    await clock.advance(8_000);
    await app.publish('r', 'heard');
    await clock.advance(11_900);
    expect(stream.writes).toHaveLength(3);
    await clock.advance(200);
    expect(stream.writes.at(-1)).toBe(':\n\n');
    expect(stream.writes).toHaveLength(4);
  });

  it('SSE-15 is written event by event', async () => {
    const { ask, app, clock } = stage();
    const stream = await ask('subscription { message(room: "r") { text } }');

    for (const text of ['one', 'two']) {
      await app.publish('r', text);
      await clock.settle();
      const [id = '', ...event] = stream.writes.at(-1)?.split('\n') ?? [];
      expect(id).toMatch(/^id: \S+$/);
      expect(event).toEqual([
        'event: next',
        `data: {"data":{"message":{"text":"${text}"}}}`,
        '',
        '',
      ]);
    }
  });

  it('SSE-16 brings texts with every kind of line break', async () => {
    const { ask } = stage();
    const text = 'one\ntwo\r\nthree\rfour\u2028five\u0000 😀';

    const stream = await ask('', {
      body: { query: 'query ($text: String!) { echo(text: $text) }', variables: { text } },
    });

    const parsed = new EventStreamParser().push(new TextEncoder().encode(stream.text));
    expect(parsed.map(({ event }) => event)).toEqual(['next', 'complete']);
    expect(JSON.parse(parsed[0]?.data ?? '')).toEqual({ data: { echo: text } });
  });
});

describe('who may not have one', () => {
  it.each([
    ['a connect hook that refuses', { onConnect: () => refuse() }, 403],
    [
      'a connect hook that fails',
      {
        onConnect: () => {
          throw new Error('secret');
        },
      },
      500,
    ],
    [
      'a subscribe hook that knows nobody',
      {
        onSubscribe: () => [
          new GraphQLError('who are you?', { extensions: { code: 'UNAUTHORIZED' } }),
        ],
      },
      401,
    ],
    [
      'a context that knows nobody',
      {
        context: () => {
          throw new GraphQLError('who are you?', { extensions: { code: 'UNAUTHORIZED' } });
        },
      },
      401,
    ],
  ] as const)('%s answers with a status', async (_what, options, status) => {
    const { ask, server } = stage(options);

    const stream = await ask('subscription { countdown(from: 1) }');

    expect(await stream.answered).toMatchObject({ kind: 'whole', status });
    expect(stream.json).toMatchObject({ errors: [{ message: expect.any(String) }] });
    expect(stream.text).not.toContain('secret');
    expect(server.gauges()).toEqual(nothingHeld);
  });

  it('a request that is not well formed is told by its status', async () => {
    const { ask } = stage();

    const noQuery = await ask('', { body: {} });
    const noJson = await ask('', { body: '{' });
    const noType = await ask('{ hello }', {
      headers: { accept: 'text/event-stream', 'content-type': 'text/plain' },
    });

    expect(await noQuery.answered).toMatchObject({ kind: 'whole', status: 400 });
    expect(await noJson.answered).toMatchObject({ kind: 'whole', status: 400 });
    expect(await noType.answered).toMatchObject({ kind: 'whole', status: 415 });
  });
});

it('an error that JSON cannot hold ends the answer all the same', async () => {
  const { ask, server, clock } = stage({
    onSubscribe: () => [new GraphQLError('no', { extensions: { code: 'FORBIDDEN', n: 1n } })],
  });

  const stream = await ask('{ hello }', { headers: { accept: 'application/json' } });

  expect(stream.hasBegun).toBe(true);
  expect(stream.json).toEqual({ errors: [{ message: 'no' }] });
  await clock.settle();
  expect(server.gauges()).toEqual(nothingHeld);
});
