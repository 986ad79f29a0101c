import type { ServerOptions } from 'millrace/server';
import { describe, expect, it } from 'vitest';

import type { IncrementalPayload, PatchPayload } from '../../src/protocol/incremental/payloads.ts';
import { MultipartParser } from '../../src/protocol/multipart/multipart-parser.ts';
import { parseBoundary } from '../../src/protocol/multipart/parse-boundary.ts';
import { converse } from '../support/conversation.ts';
import {
  acceptParts,
  acceptPatches,
  createIncrementalApp,
  personQuery,
  wholePerson,
} from '../support/incremental-app.ts';
import { MemoryStream } from '../support/memory-stream.ts';
import type { MemoryRequest } from '../support/memory-stream.ts';
import { mergeParts, mergePatches } from '../support/merge-parts.ts';

function stage(options: Partial<ServerOptions> = {}) {
  const app = createIncrementalApp();
  const conversation = converse({ schema: app.schema, ...options });
  const ask = (query: string, accept = acceptParts, more: Partial<MemoryRequest> = {}) =>
    new MemoryStream(conversation.server, { headers: { accept }, body: { query }, ...more });
  const toEnd = async (stream: MemoryStream): Promise<MemoryStream> => {
    if ((await stream.answered).kind === 'whole') return stream;
    while (stream.ending === 'open') await conversation.clock.settle();
    return stream;
  };
  return {
    ...conversation,
    incremental: app,
    ask,
    askToEnd: async (...asked: Parameters<typeof ask>) => toEnd(ask(...asked)),
  };
}

/** The parts as a strict reader gets them. */
async function payloadsOf<Payload>(stream: MemoryStream): Promise<readonly Payload[]> {
  const { headers } = await stream.answered;
  const parser = new MultipartParser(parseBoundary(headers['content-type'] ?? ''));
  const parts = parser.push(new TextEncoder().encode(stream.text));
  expect(parser.hasEnded).toBe(true);
  expect(new Set(parts.map((part) => part.headers.get('content-type')))).toEqual(
    new Set(['application/json; charset=utf-8']),
  );
  return parts.map(({ body }) => JSON.parse(body) as Payload);
}

const nothingHeld = { connections: 0, operations: 0, deadlines: 0, readers: 0 };
const parts = 'multipart/mixed; boundary="-"; incrementalSpec=v0.2';
const patches = 'multipart/mixed; boundary="-"; deferSpec=20220824';
const unnamed = 'multipart/mixed; boundary="-"';
const json = 'application/json; charset=utf-8';
const response = 'application/graphql-response+json; charset=utf-8';
const sse = 'text/event-stream';

describe('who asks for parts over HTTP', () => {
  it.each([
    ['ID-1, ID-3 in the newer format', 'multipart/mixed;incrementalSpec=v0.2', parts],
    ['ID-2, ID-3 in the older format', 'multipart/mixed;deferSpec=20220824', patches],
    ['in quotes', 'multipart/mixed; deferSpec="20220824"', patches],
    ['in other letters', 'Multipart/Mixed;INCREMENTALSPEC=v0.2 ; q=0.9', parts],
    ['and wishes for a boundary', 'multipart/mixed;boundary=graphql;incrementalSpec=v0.2', parts],
    ['and names no format', 'multipart/mixed', unnamed],
    [
      'as Apollo Client',
      'multipart/mixed;deferSpec=20220824,application/graphql-response+json,application/json;q=0.9',
      patches,
    ],
    [
      'as Apollo Kotlin',
      'multipart/mixed;deferSpec=20220824, application/graphql-response+json, application/json',
      patches,
    ],
    [
      'as urql',
      'application/graphql-response+json, application/graphql+json, application/json, text/event-stream, multipart/mixed',
      unnamed,
    ],
    ['in both formats', `${acceptPatches}, ${acceptParts}`, parts],
    [
      'and likes the older format better',
      'multipart/mixed;incrementalSpec=v0.2;q=0.5, multipart/mixed;deferSpec=20220824',
      patches,
    ],
    ['beside subscriptions', 'multipart/mixed;subscriptionSpec=1.0, multipart/mixed', unnamed],
    ['and likes event streams better', 'multipart/mixed;q=0.5, text/event-stream;q=0.6', sse],
    ['and likes event streams as well', 'text/event-stream, multipart/mixed', unnamed],
    ['and likes JSON better', 'multipart/mixed;incrementalSpec=v0.2;q=0.5, application/json', json],
    ['by an event stream', 'text/event-stream, application/json;q=0.5', sse],
    ['and excludes them', 'multipart/mixed;incrementalSpec=v0.2;q=0, application/json', json],
  ])('%s gets them so', async (_who, accept, contentType) => {
    const { askToEnd } = stage();

    const stream = await askToEnd(personQuery, accept);

    expect((await stream.answered).headers['content-type']).toBe(contentType);
  });

  it.each([
    ['application/json', json],
    ['application/graphql-response+json, application/json;q=0.5', response],
    ['*/*', json],
    [undefined, json],
    ['multipart/mixed;subscriptionSpec=1.0, application/json', json],
    ['multipart/mixed;deferSpec=20300101, application/json', json],
    ['multipart/*, application/json', json],
    ['application/json, text/event-stream;q=0.1', json],
  ])('ID-4 by %s gets a single result with everything in it', async (accept, contentType) => {
    const { server } = stage();

    const stream = new MemoryStream(server, { headers: { accept }, body: { query: personQuery } });

    expect(await stream.answered).toMatchObject({
      status: 200,
      headers: { 'content-type': contentType, vary: 'accept' },
    });
    expect(stream.json).toEqual({ data: wholePerson });
  });

  it('ID-4 is told what carries them if nothing is accepted that does', async () => {
    const { ask, incremental } = stage({ protocols: ['sse', 'multipart'] });

    const stream = ask(
      '{ person { ... @defer { started } } }',
      'multipart/mixed;subscriptionSpec=1.0',
    );

    expect((await stream.answered).status).toBe(406);
    expect(stream.json).toMatchObject({
      errors: [
        {
          message:
            'this operation is served here by Accept: application/graphql-response+json or application/json or text/event-stream or multipart/mixed;incrementalSpec=v0.2 or multipart/mixed;deferSpec=20220824',
        },
      ],
    });
    expect(incremental.started).toBe(0);
  });

  it('gets no parts from a server that speaks no multipart', async () => {
    const { ask } = stage({ protocols: ['graphql-transport-ws'] });

    const stream = ask(personQuery);

    expect((await stream.answered).headers['content-type']).toBe(json);
    expect(stream.json).toEqual({ data: wholePerson });
  });

  it('may do so by GET', async () => {
    const { askToEnd } = stage();

    const stream = await askToEnd('', acceptParts, {
      method: 'GET',
      url: `/graphql?query=${encodeURIComponent(personQuery)}`,
    });

    expect(mergeParts(await payloadsOf(stream)).data).toEqual(wholePerson);
  });
});

describe('an answer in parts over HTTP', () => {
  it('ID-1, ID-25 has a delimiter in each write and a closing one at the end, to the letter', async () => {
    const { askToEnd } = stage();

    const stream = await askToEnd('{ person { name ... @defer(label: "D") { slow } } }');

    const head = '\r\ncontent-type: application/json; charset=utf-8\r\n\r\n';
    expect(stream.text).toBe(
      `\r\n---${head}{"data":{"person":{"name":"Luke"}},"pending":[{"id":"0","path":["person"],"label":"D"}],"hasNext":true}\r\n---` +
        `${head}{"hasNext":false,"incremental":[{"id":"0","data":{"slow":"s"}}],"completed":[{"id":"0"}]}\r\n---` +
        '--\r\n',
    );
    expect(stream.writes.every((text) => text.endsWith('---') || text === '--\r\n')).toBe(true);
    expect(stream.ending).toBe('ended');
  });

  it('ID-2, ID-20 has patches in the older format', async () => {
    const { askToEnd } = stage();

    const payloads = await payloadsOf<PatchPayload>(await askToEnd(personQuery, acceptPatches));

    expect(payloads[0]).toEqual({
      data: { person: { name: 'Luke', films: [{ title: 'A' }] } },
      hasNext: true,
    });
    const all = payloads.flatMap(({ incremental = [] }) => incremental);
    expect(all).toContainEqual({ data: { slow: 's' }, path: ['person'], label: 'D' });
    expect(all.filter((patch) => 'items' in patch)).toEqual([
      { items: [{ title: 'B' }], path: ['person', 'films', 1], label: 'S' },
      { items: [{ title: 'C' }], path: ['person', 'films', 2], label: 'S' },
    ]);
    expect(mergePatches(payloads)).toEqual({ data: wholePerson, errors: [] });
  });

  it('ID-3, ID-26 says what it is in its header, and leaves the transfer coding to the adapter', async () => {
    const { ask } = stage();

    const { status, headers } = await ask(personQuery).answered;

    expect(status).toBe(200);
    expect(headers).toEqual({
      'content-type': parts,
      vary: 'accept',
      'cache-control': 'no-cache, no-transform',
      'x-accel-buffering': 'no',
    });
  });

  it.each([
    ['has no directives', '{ person { name } }'],
    ['has them disabled', '{ person { name ... @defer(if: false) { slow } } }'],
    ['leaves out what is deferred', '{ person { name ... @defer @skip(if: true) { slow } } }'],
  ])('ID-5 is a plain result if the operation %s', async (_what, query) => {
    const { ask, server } = stage();

    for (const accept of [acceptParts, acceptPatches, 'multipart/mixed;incrementalSpec=v0.2']) {
      const stream = ask(query, accept);
      expect(await stream.answered).toMatchObject({
        kind: 'whole',
        status: 200,
        headers: { 'content-type': json },
      });
      expect(stream.json).toHaveProperty('data.person.name', 'Luke');
      expect(stream.json).not.toHaveProperty('hasNext');
    }
    expect(server.gauges()).toMatchObject(nothingHeld);
  });

  it('ID-24 is a plain one if the request is refused', async () => {
    const { ask, server } = stage();

    const unknown = ask('{ nope ... @defer { nope } }');
    const variables = ask('', acceptParts, {
      body: { query: 'query ($on: Boolean!) { person { ... @defer(if: $on) { slow } } }' },
    });

    for (const stream of [unknown, variables]) {
      expect(await stream.answered).toMatchObject({
        kind: 'whole',
        headers: { 'content-type': json },
      });
      expect(stream.json).toHaveProperty('errors');
      expect(stream.json).not.toHaveProperty('hasNext');
    }
    expect(server.gauges()).toMatchObject(nothingHeld);
  });

  it('has no heartbeats: readers would take them for parts', async () => {
    const { ask, clock } = stage();
    const stream = ask('{ person { name ... @defer { never } } }');
    await stream.answered;
    await clock.settle();
    const before = stream.text;

    await clock.advance(60_000);

    expect(stream.text).toBe(before);
    expect(stream.ending).toBe('open');
    stream.leave();
  });

  it('is cut off when it fails in the middle', async () => {
    const { ask, clock, hidden, server } = stage({
      onNext: ({ result }) => {
        if (result.data === undefined) throw new Error('of the hook');
      },
    });
    const stream = ask(personQuery);
    await stream.answered;
    while (stream.ending === 'open') await clock.settle();

    expect(stream.ending).toBe('destroyed');
    expect(stream.text).not.toContain('-----');
    expect(hidden).toEqual(['operation: of the hook']);
    expect(server.gauges()).toMatchObject(nothingHeld);
  });

  it('is cut off when a part cannot be written as JSON', async () => {
    const { ask, clock, hidden } = stage();
    const stream = ask('{ person { name } ... @defer { unwritable } }');
    await stream.answered;
    while (stream.ending === 'open') await clock.settle();

    expect(stream.ending).toBe('destroyed');
    expect(hidden).toEqual([expect.stringContaining('BigInt')]);
  });

  it('remains one in parts whatever a hook makes of them', async () => {
    const { askToEnd } = stage({ onNext: ({ result: { data } }) => ({ data: data ?? null }) });

    const payloads = await payloadsOf<IncrementalPayload>(
      await askToEnd('{ person { name ... @defer { slow } } }'),
    );

    expect(payloads).toEqual([
      { data: { person: { name: 'Luke' } }, hasNext: true },
      { data: null, hasNext: false },
    ]);
  });

  it('is refused while the process can hold no more streams', async () => {
    const { ask } = stage({ limits: { connections: 1 } });
    await ask('{ person { name ... @defer { never } } }').answered;

    const second = ask(personQuery);

    expect(await second.answered).toMatchObject({ kind: 'whole', status: 503 });
    expect((await ask(personQuery, 'application/json').answered).status).toBe(200);
  });

  it('ID-6, ID-7, ID-8 keeps the rules of both formats under the hook that sees each part', async () => {
    const seen: unknown[] = [];
    const { askToEnd } = stage({ onNext: ({ result }) => void seen.push(result) });

    const stream = await askToEnd(personQuery, acceptPatches);

    expect(JSON.parse(JSON.stringify(seen))).toEqual(await payloadsOf<IncrementalPayload>(stream));
  });
});
