import { multipart } from 'millrace/client/multipart';
import type { MultipartOptions } from 'millrace/client/multipart';
import { describe, expect, it } from 'vitest';

import { bytesOf, everySplit } from '../support/chunks.ts';
import { failure, ResponseStage } from '../support/response-stage.ts';
import type { Heard } from '../support/response-stage.ts';

const stream = { type: 'multipart/mixed;boundary=graphql;subscriptionSpec=1.0' };
const opening = '\r\n--graphql';
const heartbeat = part({});
const end = '--\r\n';

/** A part as the router writes it: with the delimiter that ends it. */
function part(body: unknown): string {
  return `\r\ncontent-type: application/json\r\n\r\n${JSON.stringify(body)}\r\n--graphql`;
}

const tick = (n: number) => ({ data: { tick: n } });
const event = (n: number) => part({ payload: tick(n) });
const lost = ['closed', failure('CONNECTION_LOST', { retryable: true })];

function stage(options: MultipartOptions = {}): ResponseStage {
  return new ResponseStage((common) => multipart({ ...common, ...options }));
}

/** What a subscription hears of a response of `chunks` that does not end. */
async function hear(...chunks: readonly (string | Uint8Array)[]): Promise<readonly Heard[]> {
  const play = stage();
  const { heard } = await play.ask();
  await play.respond(stream, ...chunks);
  return heard;
}

describe('the request', () => {
  it('MP-30 asks for a multipart subscription, or for plain JSON', async () => {
    const play = stage();
    for (const kind of ['query', 'mutation', 'subscription'] as const) {
      await play.ask({ kind, query: `${kind} { a }`, variables: { n: 1 } });

      expect(play.request.method).toBe('POST');
      expect(Object.fromEntries(play.request.headers)).toEqual({
        accept:
          'multipart/mixed;boundary=graphql;subscriptionSpec=1.0, application/graphql-response+json, application/json;q=0.9',
        'content-type': 'application/json',
      });
      expect(play.request.body).toEqual({ query: `${kind} { a }`, variables: { n: 1 } });
    }
  });
});

describe('a document that may come in parts', () => {
  const subscriptionType = 'multipart/mixed;boundary=graphql;subscriptionSpec=1.0';
  const wholeTypes = 'application/graphql-response+json, application/json;q=0.9';
  const partTypes =
    'multipart/mixed;incrementalSpec=v0.2, multipart/mixed;deferSpec=20220824;q=0.9, application/graphql-response+json;q=0.8, application/json;q=0.7';

  it.each([
    { query: '{ a ... @defer { b } }', accept: partTypes },
    { query: 'mutation { a { b @stream } }', kind: 'mutation', accept: partTypes },
    { query: '', accept: partTypes },
    {
      query: '{ a ... @defer { b } }',
      kind: 'subscription',
      accept: `${subscriptionType}, ${partTypes}`,
    },
    { query: '{ a @deferred, defer, stream }', accept: `${subscriptionType}, ${wholeTypes}` },
  ] as const)('is asked for in both formats: $query', async ({ accept, ...asked }) => {
    const play = stage();
    await play.ask({ kind: 'query', ...asked });

    expect(play.request.headers.get('accept')).toBe(accept);
  });

  it('is asked for in the formats that are wanted', async () => {
    const query = '{ a ... @defer { b } }';
    const play = stage({ incremental: ['deferSpec=20220824'] });
    await play.ask({ kind: 'query', query });

    expect(play.request.headers.get('accept')).toBe(
      'multipart/mixed;deferSpec=20220824, application/graphql-response+json;q=0.9, application/json;q=0.8',
    );

    const whole = stage({ incremental: [] });
    await whole.ask({ kind: 'query', query });

    expect(whole.request.headers.get('accept')).toBe(`${subscriptionType}, ${wholeTypes}`);
  });
});

describe('the response', () => {
  it.each([
    ['multipart/mixed;subscriptionSpec=1.0;boundary=graphql'],
    ['multipart/mixed; boundary="graphql"; subscriptionSpec="1.0"'],
    ['Multipart/Mixed; BOUNDARY=graphql'],
    ['multipart/mixed;boundary=graphql;subscriptionSpec=1.0,application/json'],
  ])('MP-31 may have the content type %j', async (type) => {
    const play = stage();
    const { heard } = await play.ask();
    await play.respond({ type }, opening, event(1), end);

    expect(heard).toEqual(['connected', ['next', tick(1)], 'complete']);
  });

  it('MP-31 has the boundary that it names, not the one that was asked for', async () => {
    const play = stage();
    const { heard } = await play.ask();
    await play.respond(
      { type: 'multipart/mixed;boundary=-' },
      `---\r\n\r\n${JSON.stringify({ payload: tick(1) })}\r\n-----`,
    );

    expect(heard).toEqual(['connected', ['next', tick(1)], 'complete']);
  });

  it('MP-31 cannot be read without a boundary', async () => {
    const play = stage();
    const { heard } = await play.ask();
    const response = await play.respond({ type: 'multipart/mixed' });

    expect(heard).toEqual([['closed', failure('BAD_RESPONSE', { retryable: false })]]);
    expect(response.isReleased).toBe(true);
  });

  it('MP-32 may begin without CRLF', async () => {
    expect(await hear('--graphql', event(1))).toEqual(['connected', ['next', tick(1)]]);
  });

  it('MP-33 may have text before and behind its parts', async () => {
    expect(await hear('hello', opening, event(1), end, 'bye', opening, event(2))).toEqual([
      'connected',
      ['next', tick(1)],
      'complete',
    ]);
  });

  it('MP-34 MP-35 may be split anywhere, also inside delimiters and characters', async () => {
    const result = { data: { tick: 'Straße 🚰' } };
    const body = bytesOf(opening + heartbeat + part({ payload: result }) + end);
    for (const chunks of everySplit(body)) {
      expect(await hear(...chunks)).toEqual(['connected', ['next', result], 'complete']);
    }
  });

  it('MP-36 may hold heartbeats, the first thing among them', async () => {
    expect(await hear(opening + heartbeat, heartbeat, event(1), heartbeat)).toEqual([
      'connected',
      ['next', tick(1)],
    ]);
  });

  it('MP-37 brings results with their errors and extensions, and goes on', async () => {
    const flaky = {
      data: { tick: null },
      errors: [{ message: 'flaky', path: ['tick'] }],
      extensions: { cost: 1 },
    };

    expect(await hear(opening, part({ payload: flaky }), event(2))).toEqual([
      'connected',
      ['next', flaky],
      ['next', tick(2)],
    ]);
  });

  it('MP-38 fails by errors beside the payload, behind the result that is beside them', async () => {
    const errors = [{ message: 'expired', extensions: { code: 'SUBSCRIPTION_JWT_EXPIRED' } }];

    expect(await hear(opening, part({ payload: null, errors }), end)).toEqual([
      'connected',
      ['error', errors],
    ]);
    expect(await hear(opening, part({ payload: tick(1), errors }), event(2))).toEqual([
      'connected',
      ['next', tick(1)],
      ['error', errors],
    ]);
  });

  it.each([
    ['the closing delimiter', end],
    ['a payload of null', part({ payload: null })],
    ['a payload of null beside no errors', part({ payload: null, errors: [] })],
    ['a last heartbeat', heartbeat + end],
  ])('MP-39 ends with %s, and is released', async (_, last) => {
    const play = stage();
    const { heard } = await play.ask();
    const response = await play.respond(stream, opening, event(1), last, event(2));

    expect(heard).toEqual(['connected', ['next', tick(1)], 'complete']);
    expect(response.isReleased).toBe(true);
    expect(play.clock.timerCount).toBe(0);
  });

  it.each([
    ['ends behind a delimiter', 'end', ''],
    ['ends inside a part', 'end', event(2).slice(0, -1)],
    ['ends inside the closing delimiter', 'end', '-'],
    ['breaks', 'break', ''],
  ] as const)('MP-40 was lost if it %s', async (_, how, rest) => {
    const play = stage();
    const { heard } = await play.ask();
    const response = await play.respond(stream, opening, event(1), rest);
    await response[how]();

    expect(heard).toEqual(['connected', ['next', tick(1)], lost]);
  });

  it.each([
    ['application/json', 200],
    ['application/graphql-response+json; charset=utf-8', 406],
  ])('MP-41 may be one result: %s with %i', async (type, status) => {
    const play = stage();
    const { heard } = await play.ask();
    await play.answer('{"errors":[{"message":"no"}]}', { type, status });

    expect(heard).toEqual(['connected', ['next', { errors: [{ message: 'no' }] }], 'complete']);
  });

  it('MP-41 is a failure if it is neither', async () => {
    const play = stage();
    const { heard } = await play.ask();
    await play.answer('{"errors":[]}', { type: 'application/json', status: 406 });

    expect(heard).toEqual([
      ['closed', failure('CONNECTION_REFUSED', { status: 406, retryable: false })],
    ]);
  });

  it('MP-42 may hold empty parts', async () => {
    expect(await hear(opening, event(1), '\r\n--graphql', '\r\n\r\n--graphql', end)).toEqual([
      'connected',
      ['next', tick(1)],
      'complete',
    ]);
  });

  it('MP-43 may have part headers in any case, unknown ones and parameters', async () => {
    const head =
      'CONTENT-TYPE: application/graphql-response+json; charset=UTF-8\r\nContent-Length: 7';

    expect(
      await hear(
        opening,
        `\r\n${head}\r\n\r\n${JSON.stringify({ payload: tick(1) })}\r\n--graphql`,
      ),
    ).toEqual(['connected', ['next', tick(1)]]);
  });

  it('MP-44 hands a result out once the delimiter behind it is there', async () => {
    const play = stage();
    const { heard } = await play.ask();
    const response = await play.respond(stream, opening, event(1).slice(0, -1));
    expect(heard).toEqual(['connected']);

    await response.send('l');
    expect(heard).toEqual(['connected', ['next', tick(1)]]);
  });

  it.each(['close of the connection', 'stop of the operation'])(
    'MP-45 is aborted by a %s, after which nothing is delivered',
    async (how) => {
      const play = stage();
      const { heard, connection, stop } = await play.ask();
      const response = await play.respond(stream, opening, event(1));
      if (how.startsWith('close')) connection.close();
      else stop();
      await response.send(event(2), end);

      expect(heard).toEqual(['connected', ['next', tick(1)]]);
      expect(response.isReleased).toBe(true);
      expect(play.request.isAborted).toBe(true);
    },
  );

  it('MP-45 brings nothing to a consumer that leaves while it is told of the result beside errors', async () => {
    const play = stage();
    const { heard } = await play.ask({}, ({ stop }) => stop());
    await play.respond(stream, opening, part({ payload: tick(1), errors: [{ message: 'no' }] }));

    expect(heard).toEqual(['connected', ['next', tick(1)]]);
  });

  it('MP-46 may hold results without a payload around them', async () => {
    const failed = { errors: [{ message: 'no' }] };

    expect(await hear(opening, part(tick(1)), part(failed), event(2))).toEqual([
      'connected',
      ['next', tick(1)],
      ['next', failed],
      ['next', tick(2)],
    ]);
  });

  it.each([
    'SUBSCRIPTION_SCHEMA_RELOAD',
    'SUBSCRIPTION_CONFIG_RELOAD',
    'CREDENTIALS_EXPIRED',
    'SESSION_REVOKED',
  ])('MP-47 was lost if it ends with %s: the client subscribes again', async (code) => {
    const errors = [{ message: 'closed due to a reload', extensions: { code } }];

    expect(await hear(opening, event(1), part({ payload: null, errors }), end)).toEqual([
      'connected',
      ['next', tick(1)],
      ['closed', failure('CONNECTION_LOST', { retryable: true, payload: errors })],
    ]);
  });

  it('MP-48 brings errors without data once, and ends', async () => {
    const payload = {
      errors: [{ message: 'upstream', extensions: { code: 'WEBSOCKET_CLOSE_ERROR' } }],
    };

    expect(await hear(opening, part({ payload }), end)).toEqual([
      'connected',
      ['next', payload],
      'complete',
    ]);
  });

  it.each(['{"payload":1}', '{"payload":[]}', '[]', 'x', ''])(
    'goes on after a part that is %j, which is reported',
    async (body) => {
      const header = '\r\ncontent-type: application/json\r\n\r\n';

      expect(await hear(opening, `${header}${body}\r\n--graphql`, event(2))).toEqual([
        'connected',
        ['violated', expect.any(String)],
        ['next', tick(2)],
      ]);
    },
  );

  it('is given up where it cannot be read on', async () => {
    expect(await hear(opening, event(1), 'and so on')).toEqual([
      'connected',
      ['next', tick(1)],
      ['closed', failure('BAD_RESPONSE', { retryable: false })],
    ]);
  });
});
