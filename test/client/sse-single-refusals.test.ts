import { describe, expect, it } from 'vitest';

import type { FormattedError } from '../../src/vocabulary.ts';
import { failure } from '../support/response-stage.ts';
import type { ScriptedHead } from '../support/scripted-fetch.ts';
import type { SingleExchange } from '../support/sse-single-stage.ts';
import { SingleStage, nextOf } from '../support/sse-single-stage.ts';

const json = 'application/json; charset=utf-8';
const graphql = 'application/graphql-response+json';
const no = { message: 'no' };
const errorsOf = (...errors: readonly unknown[]) => JSON.stringify({ errors });
const coded = (code: string) => ({ message: 'no', extensions: { code } });

/** An operation that is asked for while another runs. */
async function asking(kind: 'query' | 'mutation' | 'subscription' = 'subscription'): Promise<{
  readonly stage: SingleStage;
  readonly asked: SingleExchange;
  /** Resolves if the other operation still gets its results. */
  readonly othersGoOn: () => Promise<void>;
}> {
  const stage = new SingleStage();
  const stream = await stage.open();
  const other = await stage.start();
  await stage.accept();
  const asked = await stage.start({ kind });
  return {
    stage,
    asked,
    othersGoOn: async () => {
      await stream.send(nextOf('1', { data: 1 }));
      expect(other.heard).toEqual(['started', ['next', { data: 1 }]]);
      expect(stage.heard).toEqual(['connected']);
      expect(stage.clock.timerCount).toBe(0);
    },
  };
}

describe.each(['PUT', 'GET'] as const)('a refused %s', (method) => {
  const refused = async (head: ScriptedHead, body?: string): Promise<SingleStage> => {
    const stage = new SingleStage();
    await (method === 'PUT' ? stage.clock.settle() : stage.reserve());
    await stage.answer(method, head, body);
    return stage;
  };

  it.each([400, 401, 403, 405, 406, 409, 410, 415, 422, 500, 501, 505])(
    'SSE-67 is final with %i, and SSE-66 shows what came with it',
    async (status) => {
      const body = errorsOf(no);
      const { heard, clock } = await refused({ status, type: json }, body);

      expect(heard).toEqual([
        [
          'closed',
          failure('CONNECTION_REFUSED', {
            status,
            body,
            payload: { errors: [no] },
            retryable: false,
          }),
        ],
      ]);
      expect(clock.timerCount).toBe(0);
    },
  );

  it.each([408, 425, 429, 502, 503, 504, 520, 524])(
    'SSE-67 may be tried again after %i, when the server says',
    async (status) => {
      const { heard } = await refused({
        status,
        type: 'text/html',
        headers: { 'retry-after': '7' },
      });

      expect(heard).toEqual([
        ['closed', failure('CONNECTION_LOST', { status, retryable: true, retryAfterMs: 7_000 })],
      ]);
    },
  );

  it('is not read on where there is no end of it', async () => {
    const stage = new SingleStage();
    await (method === 'PUT' ? stage.clock.settle() : stage.reserve());
    const response = stage.last(method).respond({ status: 403, type: 'text/html' });
    response.send('x'.repeat(2_000));
    await stage.clock.settle();

    expect(stage.heard).toEqual([
      ['closed', failure('CONNECTION_REFUSED', { status: 403, body: 'x'.repeat(1_000) })],
    ]);
    expect(response.isReleased).toBe(true);
  });

  it('is told without its reasons if those do not come in time', async () => {
    const stage = new SingleStage();
    await (method === 'PUT' ? stage.clock.settle() : stage.reserve());
    const response = stage.last(method).respond({ status: 403, type: 'text/html' });
    response.send('so far');
    await stage.clock.advance(10_000);

    expect(stage.heard).toEqual([
      ['closed', failure('CONNECTION_REFUSED', { status: 403, body: 'so far' })],
    ]);
    expect(response.isReleased).toBe(true);
    expect(stage.clock.timerCount).toBe(0);
  });
});

it('takes 204 for the end of the stream, which a server says of an operation that had not begun', async () => {
  const { stage, asked } = await asking();
  await stage.answer('POST', { status: 204 });

  expect(asked.heard).toEqual([]);
  expect(stage.heard).toEqual([
    'connected',
    ['closed', failure('CONNECTION_LOST', { status: 204, retryable: true })],
  ]);
});

it('takes an answer to a subscription whose connection breaks before its end for a loss, not for an answer', async () => {
  const { stage, asked } = await asking();
  const response = stage.last('POST').respond({ status: 200, type: json });
  response.send('{"errors":[{"message"');
  response.break();
  await stage.clock.settle();

  expect(asked.heard).toEqual([]);
  expect(stage.heard).toEqual([
    'connected',
    ['closed', failure('CONNECTION_LOST', { status: 200, retryable: true })],
  ]);
});

describe('a reservation', () => {
  it.each([
    ['a page', 'text/html', '<p>hi</p>'],
    ['JSON', json, '{"token":"k3Jv"}'],
    ['nothing', 'text/plain', ' \n'],
    ['words', 'text/plain', 'not found'],
    ['letters that no header holds', 'text/plain', 'Straße'],
    ['a thousand and one characters', 'text/plain', 'x'.repeat(1_001)],
  ])('SSE-66 that is answered with %s is none', async (_, type, body) => {
    const stage = new SingleStage();
    await stage.clock.settle();
    await stage.answer('PUT', { status: 201, type }, body);

    expect(stage.methods).toBe('PUT');
    expect(stage.heard).toEqual([
      ['closed', failure('BAD_RESPONSE', { status: 201, retryable: false })],
    ]);
  });

  it.each([
    [{ status: 200, type: 'text/plain' }, 'abc'],
    [{ status: 201 }, ' abc\n'],
  ])('may be answered with %j and %j', async (head, body) => {
    const stage = new SingleStage();
    await stage.clock.settle();
    await stage.answer('PUT', head, body);

    expect(stage.last('GET').headers.get('x-graphql-event-stream-token')).toBe('abc');
  });

  it('whose connection breaks before its end was not refused: the next may fare better', async () => {
    const stage = new SingleStage();
    await stage.clock.settle();
    const response = stage.last('PUT').respond({ status: 201, type: 'text/plain' });
    response.send('k3');
    response.break();
    await stage.clock.settle();

    expect(stage.methods).toBe('PUT');
    expect(stage.heard).toEqual([['closed', failure('CONNECTION_LOST', { retryable: true })]]);
    expect(stage.clock.timerCount).toBe(0);
  });

  it.each([{}, { ignoresSignals: true }])(
    'that says no more than its status took too long, with %j',
    async (fetchOptions) => {
      const stage = new SingleStage({}, fetchOptions);
      await stage.clock.settle();
      const response = stage.last('PUT').respond({ status: 201, type: 'text/plain' });
      await stage.clock.advance(10_000);

      expect(stage.methods).toBe('PUT');
      expect(stage.heard).toEqual([['closed', failure('CONNECT_TIMEOUT', { retryable: true })]]);
      expect(response.isReleased).toBe(true);
      expect(stage.clock.timerCount).toBe(0);
    },
  );

  it('SSE-67 that is not found is final: there is no such mode', async () => {
    const stage = new SingleStage();
    await stage.clock.settle();
    await stage.answer('PUT', { status: 404 });

    expect(stage.heard).toEqual([
      ['closed', failure('CONNECTION_REFUSED', { status: 404, retryable: false })],
    ]);
  });
});

describe('the stream', () => {
  it('SSE-66 of another type is none', async () => {
    const stage = new SingleStage();
    await stage.reserve();
    await stage.answer('GET', { type: 'text/html' }, '<p>hi</p>');

    expect(stage.heard).toEqual([
      ['closed', failure('BAD_RESPONSE', { status: 200, body: '<p>hi</p>', retryable: false })],
    ]);
  });

  it.each(['', errorsOf(no), errorsOf(coded('STREAM_NOT_FOUND'))])(
    'SSE-70 that is gone is reserved anew: 404 with %j',
    async (body) => {
      const stage = new SingleStage();
      await stage.reserve();
      await stage.answer('GET', { status: 404, type: json }, body);

      expect(stage.heard).toEqual([
        ['closed', failure('CONNECTION_LOST', { status: 404, retryable: true })],
      ]);
    },
  );
});

describe('an operation', () => {
  it.each([
    [400, json],
    [400, graphql],
    [401, json],
    [404, 'application/problem+json', coded('DOCUMENT_NOT_FOUND')],
    [422, graphql],
    [429, graphql],
    [500, graphql],
  ] as const)(
    'SSE-66 ends with the errors that it is refused with, and nobody else: %i %s',
    async (status, type, error: FormattedError = no) => {
      for (const kind of ['subscription', 'query'] as const) {
        const { stage, asked, othersGoOn } = await asking(kind);
        await stage.answer('POST', { status, type }, errorsOf(error));

        expect(asked.heard).toEqual([['error', [error]]]);
        expect(stage.stopped).toEqual([]);
        await othersGoOn();
      }
    },
  );

  it('SSE-66 ends with all of the errors, however many they are', async () => {
    const { stage, asked } = await asking();
    const errors = Array.from({ length: 1_000 }, (_, n) => ({ message: `no ${n}` }));
    const response = stage.last('POST').respond({ status: 400, type: json });
    const body = errorsOf(...errors);
    response.send(body.slice(0, 5_000), body.slice(5_000));
    response.end();
    await stage.clock.settle();

    expect(asked.heard).toEqual([['error', errors]]);
  });

  it.each([400, 403, 405, 406, 409, 413, 415])(
    'SSE-66 SSE-67 fails alone where %i says no more',
    async (status) => {
      const { stage, asked, othersGoOn } = await asking();
      await stage.answer('POST', { status, type: 'text/html' }, '<h1>no</h1>');

      expect(asked.heard).toEqual([
        [
          'failed',
          failure('CONNECTION_REFUSED', { status, body: '<h1>no</h1>', retryable: false }),
        ],
      ]);
      expect(stage.stopped).toEqual([]);
      await othersGoOn();
    },
  );

  it.each([408, 425, 429])('SSE-67 fails alone with %i, and may be tried again', async (status) => {
    const { stage, asked, othersGoOn } = await asking();
    await stage.answer('POST', { status, headers: { 'retry-after': '3' } });

    expect(asked.heard).toEqual([
      ['failed', failure('CONNECTION_LOST', { status, retryable: true, retryAfterMs: 3_000 })],
    ]);
    await othersGoOn();
  });

  it.each([
    ['200 with a result', 200, json, '{"data":{"tick":1}}'],
    ['200 with a page', 200, 'text/html', '<p>hi</p>'],
    ['206 with nothing', 206, 'text/plain', ''],
  ])(
    'SSE-66 fails alone with %s, and is stopped, for it may run',
    async (_, status, type, body) => {
      const { stage, asked, othersGoOn } = await asking();
      await stage.answer('POST', { status, type }, body);

      expect(asked.heard).toEqual([['failed', failure('BAD_RESPONSE', { retryable: false })]]);
      expect(stage.stopped).toEqual(['2']);
      await othersGoOn();
    },
  );

  it.each([
    [502, 'query'],
    [504, 'query'],
    [503, 'mutation'],
    [500, 'subscription'],
  ] as const)(
    'fails alone with the %i of somebody on the way to a %s, and is stopped, for it may run',
    async (status, kind) => {
      const { stage, asked, othersGoOn } = await asking(kind);
      await stage.answer('POST', { status, type: 'text/html' }, 'Gateway');

      expect(asked.heard).toEqual([
        ['failed', failure(status === 500 ? 'CONNECTION_REFUSED' : 'CONNECTION_LOST', { status })],
      ]);
      expect(stage.stopped).toEqual(['2']);
      await othersGoOn();
    },
  );

  it.each([
    [502, 'text/html', 'Bad Gateway'],
    [503, graphql, errorsOf(coded('GOING_AWAY'))],
    [524, 'text/html', ''],
  ])(
    'SSE-67 comes back with all others where its server is going: %i',
    async (status, type, body) => {
      const { stage, asked } = await asking();
      await stage.answer('POST', { status, type, headers: { 'retry-after': '2' } }, body);

      expect(asked.heard).toEqual([]);
      expect(stage.heard).toEqual([
        'connected',
        ['closed', failure('CONNECTION_LOST', { status, retryable: true, retryAfterMs: 2_000 })],
      ]);
      expect(stage.clock.timerCount).toBe(0);
    },
  );

  it.each(['', errorsOf(no), errorsOf(coded('STREAM_NOT_FOUND'))])(
    'SSE-70 that finds no stream comes back with all others: 404 with %j',
    async (body) => {
      for (const kind of ['subscription', 'query', 'mutation'] as const) {
        const { stage, asked } = await asking(kind);
        await stage.answer('POST', { status: 404, type: json }, body);

        expect(asked.heard).toEqual([]);
        expect(stage.heard).toEqual([
          'connected',
          ['closed', failure('CONNECTION_LOST', { status: 404, retryable: true })],
        ]);
      }
    },
  );

  it('is told without reasons if those do not come in time', async () => {
    const { stage, asked, othersGoOn } = await asking();
    const response = stage.last('POST').respond({ status: 400, type: json });
    response.send('{"errors":[');
    await stage.clock.advance(10_000);

    expect(asked.heard).toEqual([['failed', failure('CONNECTION_REFUSED', { status: 400 })]]);
    expect(response.isReleased).toBe(true);
    await othersGoOn();
  });

  it('is not read on where there is no end of what is no JSON', async () => {
    const { stage, asked } = await asking();
    const response = stage.last('POST').respond({ status: 400, type: 'text/html' });
    response.send('x'.repeat(1_001));
    await stage.clock.settle();

    expect(asked.heard).toEqual([
      ['failed', failure('CONNECTION_REFUSED', { body: 'x'.repeat(1_000) })],
    ]);
    expect(response.isReleased).toBe(true);
  });

  it('is told nothing more when the connection is closed while its refusal is read', async () => {
    const { stage, asked } = await asking();
    const response = stage.last('POST').respond({ status: 400, type: json });
    response.send('{"errors":[');
    await stage.clock.settle();
    stage.connection.close();
    response.send('{"message":"no"}]}');
    response.end();
    await stage.clock.settle();

    expect(asked.heard).toEqual([]);
    expect(stage.heard).toEqual(['connected']);
    expect(stage.clock.timerCount).toBe(0);
  });

  it.each([404, 500, 502])('whose DELETE is answered with %i disturbs nobody', async (status) => {
    const { stage, asked, othersGoOn } = await asking();
    await stage.accept();
    asked.stop();
    await stage.clock.settle();
    const response = stage.last('DELETE').respond({ status, type: json });
    response.send(errorsOf(no));
    await stage.clock.settle();

    expect(asked.heard).toEqual(['started']);
    expect(response.isReleased).toBe(true);
    await othersGoOn();
  });
});
