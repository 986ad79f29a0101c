import { EventEmitter, once } from 'node:events';

import { http } from 'millrace/client/http';
import { multipart } from 'millrace/client/multipart';
import { sse } from 'millrace/client/sse';
import type { SseOptions } from 'millrace/client/sse';
import { describe, expect, it, onTestFinished, vi } from 'vitest';

import { failure, ResponseStage } from '../../support/response-stage.ts';
import type { Heard } from '../../support/response-stage.ts';
import type { ScriptedFetchOptions } from '../../support/scripted-fetch.ts';

/** How each transport is answered. */
const transports = {
  sse: {
    create: sse,
    head: { type: 'text/event-stream' },
    opening: '',
    heartbeat: ':\n\n',
    event: 'event: next\ndata: {"data":1}\n\n',
    end: 'event: complete\ndata:\n\n',
  },
  multipart: {
    create: multipart,
    head: { type: 'multipart/mixed;boundary=b' },
    opening: '--b',
    heartbeat: '\r\n\r\n{}\r\n--b',
    event: '\r\n\r\n{"payload":{"data":1}}\r\n--b',
    end: '--',
  },
  http: {
    create: http,
    head: { type: 'application/json' },
    opening: '{',
    heartbeat: ' ',
    event: '"data":1',
    end: '}',
  },
} as const;

const streams = { sse: transports.sse, multipart: transports.multipart };

function stage(
  { create }: { readonly create: typeof sse },
  options: SseOptions = {},
  fetchOptions?: ScriptedFetchOptions,
): ResponseStage {
  return new ResponseStage((common) => create({ ...common, ...options }), fetchOptions);
}

const lost = ['closed', failure('CONNECTION_LOST', { retryable: true })];
const silent = ['closed', failure('TERMINATED', { retryable: true })];
const timedOut = ['closed', failure('CONNECT_TIMEOUT', { retryable: true })];
const ownFault = ['closed', failure('CLIENT_ERROR', { retryable: false })];

describe.each(Object.entries(transports))('a connection of %s', (_name, transport) => {
  it('has one operation', () => {
    expect(transport.create().isShared).toBe(false);
  });

  it('says nothing before its calls return', () => {
    const play = stage(transport);
    const heard: Heard[] = [];
    const connection = play.connect('nowhere', heard);
    connection.start(
      { kind: 'query', request: { query: '{ a }' } },
      { next() {}, error() {}, complete() {}, failed() {} },
    );

    expect(heard).toEqual([]);
  });

  it('brings results, ends, and leaves nothing behind', async () => {
    const play = stage(transport);
    const { heard } = await play.ask();
    const { opening, event, end } = transport;
    const response = await play.respond(transport.head, opening, event, end);
    await response.end();

    expect(heard).toEqual(['connected', ['next', { data: 1 }], 'complete']);
    expect(play.clock.timerCount).toBe(0);
  });

  it('does without streams where the runtime has none', async () => {
    const play = stage(transport, {}, { hasNoStreams: true });
    const { heard } = await play.ask({ kind: 'query', query: '{ a }' });
    await play.answer(transport.opening + transport.event + transport.end, transport.head);

    expect(heard).toEqual(['connected', ['next', { data: 1 }], 'complete']);
  });

  it('throws at once for variables that JSON cannot hold, and asks nobody', async () => {
    const play = stage(transport);

    await expect(play.ask({ variables: { n: 1n } })).rejects.toThrow(TypeError);
    expect(play.requests).toEqual([]);
    expect(play.clock.timerCount).toBe(0);
  });

  it('sends what the variables were when it started', async () => {
    const play = stage(transport, { method: 'GET', headers: async () => undefined });
    const variables = { n: 1 };
    const asked = play.ask({ kind: 'query', query: '{ a }', variables });
    variables.n = 2;
    await asked;

    const sent =
      play.request.body ?? Object.fromEntries(new URL(play.request.url).searchParams.entries());
    expect(JSON.stringify(sent)).toMatch(/"n\\?":1/);
  });
});

describe.each(Object.entries(transports))('the url and headers of %s', (_name, transport) => {
  it.each([
    ['ws://host.example/graphql', 'http://host.example/graphql'],
    ['wss://host.example:4000/graphql?a=ws', 'https://host.example:4000/graphql?a=ws'],
    [new URL('https://host.example/'), 'https://host.example/'],
  ])('%s is asked at %s', async (url, asked) => {
    const play = stage(transport);
    await play.ask({ url });

    expect(play.request.url).toBe(asked);
  });

  it('may be relative to the page', async () => {
    vi.stubGlobal('location', { href: 'https://host.example/app/' });
    onTestFinished(() => void vi.unstubAllGlobals());
    const play = stage(transport);
    await play.ask({ url: '/graphql' });

    expect(play.request.url).toBe('https://host.example/graphql');
  });

  it('are found out anew for each connection; the transport may have a url of its own', async () => {
    let calls = 0;
    const play = stage(transport, {
      url: () => `http://own.example/${(calls += 1)}`,
      headers: async () => ({ authorization: `Bearer ${calls}` }),
    });
    await play.ask();
    await play.ask();

    expect(play.requests.map(({ url }) => url)).toEqual([
      'http://own.example/1',
      'http://own.example/2',
    ]);
    expect(play.requests.map(({ headers }) => headers.get('authorization'))).toEqual([
      'Bearer 1',
      'Bearer 2',
    ]);
  });

  it('may replace what is accepted, but not the content type', async () => {
    const play = stage(transport, { headers: { Accept: 'a/b', 'Content-Type': 'text/plain' } });
    await play.ask();

    expect(Object.fromEntries(play.request.headers)).toEqual({
      accept: 'a/b',
      'content-type': 'application/json',
    });
  });

  it('go with what else a request is made with', async () => {
    const play = stage(transport, { requestInit: { credentials: 'include', cache: 'no-store' } });
    await play.ask();

    expect(play.request.init).toMatchObject({
      method: 'POST',
      credentials: 'include',
      cache: 'no-store',
    });
  });

  it.each([
    ['a url function that throws', { url: () => Promise.reject(new Error('no url')) }],
    ['a url that is none', { url: 'http://' }],
    [
      'a headers function that throws',
      {
        headers: () => {
          throw new Error('no headers');
        },
      },
    ],
    ['headers that are none', { headers: { 'a b': 'c' } }],
  ] satisfies [string, SseOptions][])(
    'are the fault of the client if it gives %s',
    async (_, options) => {
      const play = stage(transport, options);
      const { heard } = await play.ask();

      expect(heard).toEqual([ownFault]);
      expect(play.requests).toEqual([]);
      expect(play.clock.timerCount).toBe(0);
    },
  );
});

it.each(['sse', 'multipart'] as const)(
  'a subscription over %s is not waited for where all of it comes at once',
  async (name) => {
    const play = stage(transports[name], {}, { hasNoStreams: true });
    const { heard } = await play.ask();
    await play.respond(transports[name].head, transports[name].opening);

    expect(heard).toEqual([['closed', failure('CLIENT_ERROR', { retryable: false })]]);
    expect(play.clock.timerCount).toBe(0);
  },
);

describe.each(Object.entries(transports))('the end of a connection of %s', (_name, transport) => {
  const { head, opening, event, end } = transport;

  it('comes with a cause if there is no network', async () => {
    const play = stage(transport);
    const { heard } = await play.ask();
    const cause = new TypeError('fetch failed');
    play.request.refuse(cause);
    await play.clock.settle();

    expect(heard).toEqual([['closed', failure('CONNECTION_LOST', { retryable: true, cause })]]);
    expect(play.clock.timerCount).toBe(0);
  });

  it('comes the same way from a `fetch` that throws', async () => {
    const play = stage(transport, {
      fetch: () => {
        throw new Error('not here');
      },
    });
    const { heard } = await play.ask();

    expect(heard).toEqual([lost]);
  });

  it('uses the `fetch` that the runtime has at that time', async () => {
    vi.stubGlobal('fetch', () => Promise.reject(new TypeError('stubbed')));
    onTestFinished(() => void vi.unstubAllGlobals());
    const play = new ResponseStage(() => transport.create());
    const { heard } = await play.ask();

    expect(heard).toEqual([
      ['closed', failure('CONNECTION_LOST', { cause: new TypeError('stubbed') })],
    ]);
  });

  it('is for good: a closed connection starts nothing', async () => {
    const play = stage(transport);
    const heard: Heard[] = [];
    const connection = play.connect('http://host.example', heard);
    connection.close();
    connection.close();
    const stop = connection.start(
      { kind: 'query', request: { query: '{ a }' } },
      { next() {}, error() {}, complete() {}, failed() {} },
    );
    stop();
    await play.clock.settle();

    expect(heard).toEqual([]);
    expect(play.requests).toEqual([]);
    expect(play.clock.timerCount).toBe(0);
  });

  it('may come before the url is found out: nothing is requested', async () => {
    const gate = new EventEmitter();
    const play = stage(transport, {
      url: async () => {
        await once(gate, 'open');
        return 'http://host.example';
      },
    });
    const { heard, stop } = await play.ask();
    stop();
    gate.emit('open');
    await play.clock.settle();

    expect(heard).toEqual([]);
    expect(play.requests).toEqual([]);
    expect(play.clock.timerCount).toBe(0);
  });

  it.each([
    ['aborts the request', {}],
    ['releases the response to a `fetch` that knows no signals', { ignoresSignals: true }],
  ])('may come before the response, and %s', async (_, options) => {
    const play = stage(transport, {}, options);
    const { heard, stop } = await play.ask();
    stop();
    const response = await play.respond(head, opening, event, end);

    expect(heard).toEqual([]);
    expect(play.request.isAborted).toBe(true);
    expect(response.isReleased).toBe(true);
    expect(play.clock.timerCount).toBe(0);
  });

  it.each([
    ['ends it', {}],
    ['releases that of a `fetch` that knows no signals', { ignoresSignals: true }],
  ])('may come within the response, and %s', async (_, options) => {
    const play = stage(transport, {}, options);
    const { heard, stop } = await play.ask();
    const response = await play.respond(head, opening);
    stop();
    await response.send(event, end);
    await response.end();

    expect(heard).toEqual(['connected']);
    expect(response.isReleased).toBe(true);
    expect(play.clock.timerCount).toBe(0);
  });

  it('may come before the response is there where it comes as a whole', async () => {
    const play = stage(transport, {}, { ignoresSignals: true, hasNoStreams: true });
    const { heard, stop } = await play.ask({ kind: 'query', query: '{ a }' });
    const response = await play.respond(head, opening);
    stop();
    await response.send(event, end);
    await response.end();

    expect(heard).toEqual(['connected']);
  });

  it('may come from whoever is told that it is connected', async () => {
    const play = stage(transport);
    const heard: Heard[] = [];
    const connection = play.connect('http://host.example', heard, () => connection.close());
    connection.start(
      { kind: 'subscription', request: { query: 'subscription { a }' } },
      { next: () => heard.push('complete'), error() {}, complete() {}, failed() {} },
    );
    await play.clock.settle();
    const response = await play.respond(head, opening, event, end);

    expect(heard).toEqual(['connected']);
    expect(response.isReleased).toBe(true);
    expect(play.clock.timerCount).toBe(0);
  });
});

describe.each(Object.entries(transports))(
  'the time that %s takes to connect',
  (_name, transport) => {
    const { head, opening } = transport;

    it('is 10 s for a subscription', async () => {
      const play = stage(transport);
      const { heard } = await play.ask();
      await play.clock.advance(9_999);
      expect(heard).toEqual([]);

      await play.clock.advance(1);
      expect(heard).toEqual([timedOut]);
      expect(play.request.isAborted).toBe(true);
      const response = await play.respond(head, opening);
      expect(heard).toEqual([timedOut]);
      expect(response.isReleased).toBe(true);
    });

    it.each(['query', 'mutation'] as const)(
      'has no end for a %s, which may be slow',
      async (kind) => {
        const play = stage(transport);
        const { heard } = await play.ask({ kind, query: '{ a }' });
        await play.clock.advance(3_600_000);

        expect(heard).toEqual([]);
        expect(play.clock.timerCount).toBe(0);
      },
    );

    it('is what the option says, for all of them', async () => {
      for (const kind of ['query', 'subscription'] as const) {
        const play = stage(transport, { connectTimeoutMs: 500 });
        const { heard } = await play.ask({ kind });
        await play.clock.advance(500);

        expect(heard).toEqual([timedOut]);
      }
      const play = stage(transport, { connectTimeoutMs: Infinity });
      await play.ask();
      expect(play.clock.timerCount).toBe(0);
    });

    it('includes what it takes to find out the url', async () => {
      const play = stage(transport, { url: () => new Promise<string>(() => {}) });
      const { heard } = await play.ask();
      await play.clock.advance(10_000);

      expect(heard).toEqual([timedOut]);
    });

    it('ends with the head of the response', async () => {
      const play = stage(transport);
      const { heard } = await play.ask();
      await play.respond(head, opening);
      await play.clock.advance(3_600_000);

      expect(heard).toEqual(['connected']);
    });

    it('is prolonged by 10 s for a refusal to be told, which is then told without its body', async () => {
      const play = stage(transport);
      const { heard } = await play.ask({ kind: 'query' });
      await play.respond({ status: 403, type: 'text/html' }, 'Forb');
      await play.clock.advance(9_999);
      expect(heard).toEqual([]);

      await play.clock.advance(1);
      expect(heard).toEqual([['closed', failure('CONNECTION_REFUSED', { status: 403, body: '' })]]);
      expect(play.clock.timerCount).toBe(0);
    });

    it('does not matter to a refusal that breaks off', async () => {
      const play = stage(transport);
      const { heard } = await play.ask();
      const response = await play.respond({ status: 403, type: 'text/html' }, 'Forb');
      await response.break();

      expect(heard).toEqual([['closed', failure('CONNECTION_REFUSED', { status: 403 })]]);
      expect(play.clock.timerCount).toBe(0);
    });
  },
);

describe.each(Object.entries(streams))('the silence of %s', (_name, transport) => {
  const { head, opening, heartbeat, event } = transport;

  /** A stream with a heartbeat, or whatever is there, after each of some pauses. */
  async function play(
    pieces: readonly (readonly [pauseMs: number, piece: string])[],
    options: SseOptions = {},
  ) {
    const { clock, ...rest } = await start(options);
    for (const [pauseMs, piece] of pieces) {
      await clock.advance(pauseMs);
      await rest.response.send(piece);
    }
    return { clock, ...rest };
  }

  async function start(options: SseOptions) {
    const playing = stage(transport, options);
    const { heard } = await playing.ask();
    const response = await playing.respond(head, opening);
    return { clock: playing.clock, heard, response };
  }

  it.each([
    ['without heartbeats', [[1_000, event]]],
    ['with one heartbeat, as it may be all that there is', [[0, heartbeat]]],
    [
      'with a heartbeat in pieces',
      [
        [0, heartbeat.slice(0, 1)],
        [100, heartbeat.slice(1)],
      ],
    ],
    [
      'with two heartbeats at once',
      [
        [0, heartbeat],
        [10, heartbeat],
      ],
    ],
  ] as const)('means nothing in a stream %s', async (_, pieces) => {
    const { clock, heard } = await play(pieces);
    await clock.advance(3_600_000);

    expect(heard).not.toContainEqual(silent);
    expect(clock.timerCount).toBe(0);
  });

  it.each([
    ['5 s', 5_000, 15_000],
    ['12 s', 12_000, 36_000],
    ['2 minutes', 120_000, 180_000],
  ])('may last three intervals of heartbeats, for %s', async (_, intervalMs, deadlineMs) => {
    const { clock, heard, response } = await play([
      [0, heartbeat],
      [intervalMs, heartbeat],
    ]);
    await clock.advance(deadlineMs - 1);
    expect(heard).toEqual(['connected']);

    await clock.advance(1);
    expect(heard).toEqual(['connected', silent]);
    expect(response.isReleased).toBe(true);
    expect(clock.timerCount).toBe(0);
  });

  it('counts from whatever came last', async () => {
    const { clock, heard } = await play([
      [0, heartbeat],
      [5_000, heartbeat],
      [14_000, event],
      [14_000, event.slice(0, 5)],
    ]);
    await clock.advance(14_999);
    expect(heard).not.toContainEqual(silent);

    await clock.advance(1);
    expect(heard).toContainEqual(silent);
  });

  it('goes by the longest interval: a stalled network bunches heartbeats', async () => {
    const { clock, heard } = await play([
      [0, heartbeat],
      [12_000, heartbeat],
      [2_000, heartbeat],
      [1, heartbeat],
    ]);
    await clock.advance(35_999);
    expect(heard).toEqual(['connected']);

    await clock.advance(1);
    expect(heard).toEqual(['connected', silent]);
  });

  it('is what the option says, from the head of the response on', async () => {
    const { clock, heard } = await play([[4_999, event]], { silenceMs: 5_000 });
    await clock.advance(4_999);
    expect(heard).toHaveLength(2);

    await clock.advance(1);
    expect(heard.at(-1)).toEqual(silent);
  });

  it('means nothing if the option is Infinity', async () => {
    const { clock } = await play(
      [
        [0, heartbeat],
        [5_000, heartbeat],
      ],
      { silenceMs: Infinity },
    );

    expect(clock.timerCount).toBe(0);
  });
});
