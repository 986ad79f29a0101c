import { GraphQLError } from 'graphql';
import type { ServerOptions } from 'millrace/server';
import { describe, expect, it } from 'vitest';

import { MultipartParser } from '../../src/protocol/multipart/multipart-parser.ts';
import { parseBoundary } from '../../src/protocol/multipart/parse-boundary.ts';
import type { Conversation } from '../support/conversation.ts';
import { converse } from '../support/conversation.ts';
import { MemoryStream } from '../support/memory-stream.ts';

interface Stage extends Conversation {
  /** Sends an operation that wants parts, and lets everything happen that needs no time. */
  readonly ask: (query: string, accept?: string) => Promise<MemoryStream>;
}

const accept = 'multipart/mixed;subscriptionSpec=1.0, application/json';

function stage(options: Partial<ServerOptions> = {}): Stage {
  const conversation = converse({ protocols: ['multipart'], ...options });
  return {
    ...conversation,
    async ask(query, accepted = accept) {
      const stream = new MemoryStream(conversation.server, {
        headers: { accept: accepted },
        body: { query },
      });
      await conversation.clock.settle();
      return stream;
    },
  };
}

const part = (json: string): string =>
  `\r\ncontent-type: application/json\r\n\r\n${json}\r\n--graphql`;
const begin = `\r\n--graphql${part('{}')}`;
const end = '--\r\n';
const nothingHeld = { connections: 0, operations: 0, deadlines: 0, readers: 0 };

describe('a subscription in parts', () => {
  it.each([
    ['MP-1 as clients write it', 'multipart/mixed;subscriptionSpec=1.0'],
    ['MP-2 in quotes', 'multipart/mixed;subscriptionSpec="1.0", application/json'],
    ['MP-2 with a boundary that is wished for', 'multipart/mixed;boundary=x;subscriptionSpec=1.0'],
    ['MP-2 in other letters', 'Multipart/Mixed; SubscriptionSpec=1.0 ; q=0.9'],
  ])('is given to who accepts it %s', async (_how, accepted) => {
    const { ask } = stage();

    const stream = await ask('subscription { countdown(from: 1) }', accepted);

    expect(await stream.answered).toMatchObject({ kind: 'stream', status: 200 });
  });

  it('MP-3 names boundary and version in the header, unquoted', async () => {
    const { ask } = stage();

    const { answered } = await ask('subscription { countdown(from: 1) }');

    expect(await answered).toMatchObject({
      headers: {
        'content-type': 'multipart/mixed;boundary=graphql;subscriptionSpec=1.0',
        'cache-control': 'no-cache, no-transform',
        'x-accel-buffering': 'no',
      },
    });
  });

  it.each(['application/json', 'multipart/mixed', 'multipart/mixed;deferSpec=20220824, */*'])(
    'MP-4 is refused with 406 to who accepts %s',
    async (accepted) => {
      const { ask, app } = stage();

      const stream = await ask('subscription { countdown(from: 1) }', accepted);

      expect(await stream.answered).toMatchObject({ kind: 'whole', status: 406 });
      expect(stream.json).toMatchObject({
        errors: [{ message: expect.stringContaining('multipart/mixed;subscriptionSpec=1.0') }],
      });
      expect(app.openSources()).toBe(0);
    },
  );

  it('MP-5, MP-9, MP-12, MP-13 has a part per result and a closing delimiter, to the letter', async () => {
    const { ask } = stage();

    const stream = await ask('subscription { countdown(from: 2) }');

    expect(stream.text).toBe(
      begin +
        part('{"payload":{"data":{"countdown":2}}}') +
        part('{"payload":{"data":{"countdown":1}}}') +
        end,
    );
    expect(stream.ending).toBe('ended');
  });

  it('MP-12 is read by a strict reader', async () => {
    const { ask } = stage();
    const stream = await ask('subscription { countdown(from: 1) }');
    const answer = await stream.answered;

    const parser = new MultipartParser(parseBoundary(answer.headers['content-type'] ?? ''));
    const parts = parser.push(new TextEncoder().encode(stream.text));

    expect(parts).toEqual(
      ['{}', '{"payload":{"data":{"countdown":1}}}'].map((body) => ({
        headers: new Map([['content-type', 'application/json']]),
        body,
      })),
    );
    expect(parser.hasEnded).toBe(true);
  });

  it('MP-6 goes on after an execution error, which is inside the payload', async () => {
    const { ask } = stage();

    const stream = await ask('subscription { flaky }');

    expect(stream.writes[2]).toMatch(
      /\{"payload":\{"errors":\[\{"message":"flaky",.*\}\],"data":\{"flaky":null\}\}\}|\{"payload":\{"data":\{"flaky":null\},"errors":\[.*\]\}\}/,
    );
    expect(stream.writes[3]).toBe(part('{"payload":{"data":{"flaky":3}}}'));
  });

  it('MP-7 ends with the failure of its source', async () => {
    const { ask, hidden } = stage();

    const stream = await ask('subscription { breaks }');

    const error = '{"message":"Internal server error","extensions":{"code":"SOURCE_FAILED"}}';
    expect(stream.writes.at(-1)).toBe(part(`{"payload":null,"errors":[${error}]}`) + end);
    expect(stream.ending).toBe('ended');
    expect(hidden).toEqual(['source: secret cause']);
  });

  it('MP-8 tells of such a failure without a place in the document', async () => {
    const { ask } = stage({
      onError: () => [{ message: 'gone', locations: [{ line: 1, column: 1 }], path: ['breaks'] }],
    });

    const stream = await ask('subscription { breaks }');

    expect(stream.writes.at(-1)).toBe(part('{"payload":null,"errors":[{"message":"gone"}]}') + end);
  });

  it('MP-10 has the delimiter behind each part in the same write', async () => {
    const { ask, app, clock } = stage();
    const stream = await ask('subscription { message(room: "r") { text } }');

    for (const text of ['one', 'two']) {
      await app.publish('r', text);
      await clock.settle();
      expect(stream.writes.at(-1)).toBe(
        part(`{"payload":{"data":{"message":{"text":"${text}"}}}}`),
      );
    }
  });

  it('MP-11 begins with a heartbeat and has one after every 12 s of silence', async () => {
    const { ask, clock } = stage();
    const stream = await ask('subscription { message(room: "r") { text } }');

    expect(stream.writes).toEqual([begin]);
    await clock.advance(12_000);
    expect(stream.writes).toEqual([begin, part('{}')]);
    await clock.advance(12_000);
    expect(stream.writes).toHaveLength(3);
  });

  it('MP-14 is stopped when its client leaves', async () => {
    const { ask, app, server, clock } = stage();
    const stream = await ask('subscription { message(room: "r") { text } }');

    stream.leave();
    await clock.settle();

    expect(app.openSources()).toBe(0);
    expect(server.gauges()).toEqual(nothingHeld);
    expect(clock.timerCount).toBe(0);
  });

  it.each([
    ['subscription { nope }', 200],
    ['subscription {', 200],
    ['subscription ($n: Int!) { countdown(from: $n) }', 200],
    ['subscription { refuses }', 500],
  ])('MP-15 %s is refused by a single answer', async (query, status) => {
    const { ask } = stage();

    const stream = await ask(query);

    expect(await stream.answered).toMatchObject({
      kind: 'whole',
      status,
      headers: { 'content-type': 'application/json; charset=utf-8' },
    });
    expect(stream.json).toEqual({ errors: [expect.anything()] });
  });

  it.each(['{ hello }', 'mutation { post(room: "r", text: "t") }'])(
    'MP-16 %s has one answer',
    async (query) => {
      const { ask } = stage();

      const stream = await ask(query);

      expect(await stream.answered).toMatchObject({ kind: 'whole', status: 200 });
      expect(stream.json).toEqual({ data: expect.anything() });
    },
  );

  it('MP-18 keeps the extensions of an event', async () => {
    const { ask } = stage({ onNext: ({ result }) => ({ ...result, extensions: { cost: 3 } }) });

    const stream = await ask('subscription { countdown(from: 1) }');

    expect(stream.writes[1]).toBe(
      part('{"payload":{"data":{"countdown":1},"extensions":{"cost":3}}}'),
    );
  });

  it('is no stream for who is not known', async () => {
    const { ask } = stage({
      context: () => {
        throw new GraphQLError('who are you?', { extensions: { code: 'UNAUTHORIZED' } });
      },
    });

    const stream = await ask('subscription { countdown(from: 1) }');

    expect(await stream.answered).toMatchObject({ kind: 'whole', status: 401 });
  });
});
