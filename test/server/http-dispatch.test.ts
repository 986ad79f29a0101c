import type { Protocol } from 'millrace';
import { describe, expect, it } from 'vitest';

import { converse } from '../support/conversation.ts';
import type { MemoryRequest } from '../support/memory-stream.ts';
import { MemoryStream } from '../support/memory-stream.ts';

/** The `Accept` headers of clients in use. */
const clients = {
  'Apollo Client':
    'multipart/mixed;boundary=graphql;subscriptionSpec=1.0,application/graphql-response+json,application/json;q=0.9',
  urql: 'application/graphql-response+json, application/graphql+json, application/json, text/event-stream, multipart/mixed',
  'graphql-sse': 'text/event-stream',
  'Apollo Kotlin':
    'multipart/mixed;subscriptionSpec=1.0,application/graphql-response+json,application/json',
  EventSource: 'text/event-stream',
  curl: '*/*',
  'a program that says nothing': undefined,
  'a client of plain HTTP': 'application/graphql-response+json, application/json;q=0.9',
  'an older client of plain HTTP': 'application/json',
  'a browser that navigates':
    'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8',
  'who likes parts better': 'text/event-stream;q=0.5, multipart/mixed;subscriptionSpec=1.0;q=0.6',
  'who likes event streams better':
    'multipart/mixed;subscriptionSpec=1.0;q=0.5, text/event-stream;q=0.6',
  'who likes both alike': 'multipart/mixed;subscriptionSpec=1.0, text/event-stream',
  'who excludes event streams': 'text/event-stream;q=0, */*',
  'who likes streams better than JSON': 'application/json;q=0.5, text/event-stream',
  'who likes JSON better than streams': 'application/json, text/event-stream;q=0.5',
  'who takes any text': 'text/*',
  'who takes parts of another kind': 'multipart/mixed;deferSpec=20220824, application/json',
  'who takes images': 'image/png',
} as const satisfies Record<string, string | undefined>;

const json = 'application/json; charset=utf-8';
const response = 'application/graphql-response+json; charset=utf-8';
const sse = 'text/event-stream';
const multipart = 'multipart/mixed;boundary=graphql;subscriptionSpec=1.0';
const refused = 406;

type Answer = typeof json | typeof response | typeof sse | typeof multipart | typeof refused;
type Row = readonly [
  client: keyof typeof clients,
  query: Answer,
  subscription: Answer,
  mutation?: Answer,
];

const everything: readonly Protocol[] = ['graphql-transport-ws', 'sse', 'sse-single', 'multipart'];

const tables: readonly {
  readonly protocols: readonly Protocol[];
  readonly rows: readonly Row[];
}[] = [
  {
    protocols: everything,
    rows: [
      ['Apollo Client', response, multipart],
      ['urql', response, sse],
      ['graphql-sse', sse, sse],
      ['Apollo Kotlin', response, multipart],
      ['EventSource', sse, sse],
      ['curl', json, sse],
      ['a program that says nothing', json, sse],
      ['a client of plain HTTP', response, refused],
      ['an older client of plain HTTP', json, refused],
      ['a browser that navigates', json, sse],
      ['who likes parts better', sse, multipart],
      ['who likes event streams better', sse, sse],
      ['who likes both alike', sse, sse],
      ['who excludes event streams', json, refused],
      ['who likes streams better than JSON', sse, sse],
      ['who likes JSON better than streams', json, sse],
      ['who takes any text', sse, sse],
      ['who takes parts of another kind', json, refused],
      ['who takes images', refused, refused],
    ],
  },
  {
    protocols: ['sse'],
    rows: [
      ['Apollo Client', response, refused],
      ['urql', response, sse],
      ['who likes parts better', sse, sse],
    ],
  },
  {
    protocols: ['multipart'],
    rows: [
      ['Apollo Client', response, multipart],
      ['urql', response, refused],
      ['graphql-sse', refused, refused],
      ['curl', json, refused],
      ['who likes event streams better', refused, multipart],
    ],
  },
  {
    protocols: ['graphql-transport-ws'],
    rows: [
      ['Apollo Client', response, refused],
      ['graphql-sse', refused, refused],
      ['curl', json, refused],
      ['who takes images', refused, refused],
    ],
  },
  { protocols: [], rows: [['curl', json, refused]] },
];

const operations = {
  query: '{ hello }',
  mutation: 'mutation { post(room: "r", text: "t") }',
  subscription: 'subscription { countdown(from: 1) }',
} as const;

const cases = tables.flatMap(({ protocols, rows }) =>
  rows.flatMap(([client, query, subscription, mutation = query]) =>
    (
      [
        ['query', query],
        ['mutation', mutation],
        ['subscription', subscription],
      ] as const
    ).map(([kind, answer]) => ({ protocols, client, kind, answer })),
  ),
);

const post = (query: string, accept: string | undefined): MemoryRequest => ({
  headers: { accept },
  body: { query },
});

describe('SSE-2 the answer', () => {
  it.each(cases)(
    'of a server of $protocols to a $kind of $client is $answer',
    async ({ protocols, client, kind, answer }) => {
      const { server, clock, app } = converse({ protocols });

      const stream = new MemoryStream(server, post(operations[kind], clients[client]));
      await clock.settle();
      const { status, headers } = await stream.answered;

      if (answer === refused) expect(status).toBe(406);
      else expect([status, headers['content-type']]).toEqual([200, answer]);
      expect(headers['vary']).toBe('accept');
      expect(app.openSources()).toBe(0);
    },
  );

  it.each([
    [
      everything,
      'a subscription',
      'Accept: text/event-stream or multipart/mixed;subscriptionSpec=1.0, or by WebSocket (graphql-transport-ws)',
    ],
    [['sse'] as const, 'a subscription', 'Accept: text/event-stream'],
    [['graphql-transport-ws'] as const, 'a subscription', 'WebSocket (graphql-transport-ws)'],
    [[], 'a subscription', 'nothing'],
  ])('of a server of %s names what serves %s', async (protocols, what, ways) => {
    const { server } = converse({ protocols });

    const stream = new MemoryStream(server, post(operations.subscription, 'application/json'));
    await stream.answered;

    expect(stream.json).toMatchObject({
      errors: [
        { message: `${what} is served here by ${ways}`, extensions: { code: 'NOT_ACCEPTABLE' } },
      ],
    });
  });

  it('to who accepts nothing of ours names everything that is served', async () => {
    const { server } = converse({ protocols: ['graphql-transport-ws', 'sse'] });

    const stream = new MemoryStream(server, post(operations.query, 'image/png'));
    await stream.answered;

    expect(stream.json).toMatchObject({
      errors: [
        {
          message:
            'an operation is served here by Accept: application/graphql-response+json or application/json or text/event-stream, or by WebSocket (graphql-transport-ws)',
        },
      ],
    });
  });
});
