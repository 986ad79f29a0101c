import { EventSource } from 'eventsource';
import type { FetchLike } from 'eventsource';
import { refuse } from 'millrace/server';
import { expect, it, onTestFinished } from 'vitest';

import { serveFixture } from '../support/fixture-server.ts';
import type { FixtureServer } from '../support/fixture-server.ts';
import { Inbox } from '../support/waiting.ts';

function open({ httpUrl }: FixtureServer, parameters: Record<string, string>, fetch?: FetchLike) {
  const url = `${httpUrl}?${new URLSearchParams(parameters).toString()}`;
  const source = new EventSource(url, fetch && { fetch });
  onTestFinished(() => source.close());
  const events = new Inbox<unknown>('an event');
  for (const type of ['open', 'message', 'next', 'complete']) {
    source.addEventListener(type, ({ data }) => events.push([type, data]));
  }
  source.addEventListener('error', ({ code }) => events.push(['error', code]));
  return { source, events };
}

it('fires one named event for each result, and one for the end', async () => {
  const { events, source } = open(await serveFixture(), {
    query: 'subscription { countdown(from: 2) }',
  });
  expect(await events.take(4)).toEqual([
    ['open', undefined],
    ['next', '{"data":{"countdown":2}}'],
    ['next', '{"data":{"countdown":1}}'],
    ['complete', ''],
  ]);
  source.close();
});

it('takes variables and an operation name from the URL', async () => {
  const query = `query One { hello } query Two($text: String!) { echo(text: $text) }`;
  const variables = JSON.stringify({ text: 'line\nline\r\nStraße ✓ 🚰\u2028' });
  const { events } = open(await serveFixture(), { query, variables, operationName: 'Two' });
  expect((await events.take(2))[1]).toEqual([
    'next',
    '{"data":{"echo":"line\\nline\\r\\nStraße ✓ 🚰\u2028"}}',
  ]);
});

it.each([
  ['a mutation', { query: 'mutation { post(room: "a", text: "x") }' }, 405],
  ['no operation', {}, 400],
  ['variables that are not JSON', { query: '{ hello }', variables: '{' }, 400],
])('gives up for good with the status of the answer to %s', async (_, parameters, status) => {
  const { source, events } = open(await serveFixture(), parameters);
  expect(await events.next()).toEqual(['error', status]);
  expect(source.readyState).toBe(source.CLOSED);
});

it('gives up for good when the connect hook refuses it', async () => {
  const server = await serveFixture({ onConnect: () => refuse({ reason: 'no entry' }) });
  const { source, events } = open(server, { query: '{ hello }' });
  expect(await events.next()).toEqual(['error', 403]);
  expect(source.readyState).toBe(source.CLOSED);
});

it('can be let in by a header of the program', async () => {
  const server = await serveFixture({
    onConnect: ({ request }) => request.headers['authorization'] === 'Bearer secret',
  });
  const { events } = open(server, { query: '{ hello }' }, (url, init) =>
    fetch(url, { ...init, headers: { ...init.headers, authorization: 'Bearer secret' } }),
  );
  expect((await events.take(2))[1]).toEqual(['next', '{"data":{"hello":"world"}}']);
});

it('hears nothing of heartbeats', async () => {
  const server = await serveFixture({ keepAlive: { heartbeatMs: 5 }, resume: false });
  const bytes = new Inbox<string>('a chunk');
  const { events } = open(
    server,
    { query: 'subscription { message(room: "a") { text } }' },
    async (url, init) => {
      const response = await fetch(url, init);
      const decoder = new TextDecoderStream();
      const [kept, watched] = (response.body as ReadableStream<Uint8Array>).tee();
      void watched
        .pipeThrough(decoder as ReadableWritablePair<string, Uint8Array>)
        .pipeTo(new WritableStream({ write: bytes.push }))
        .catch(() => {});
      return new Response(kept, response);
    },
  );
  await server.sources(1);
  expect((await bytes.take(3)).join('')).toMatch(/^(:\n\n)+$/);
  await server.app.publish('a', 'after some silence');
  expect(await events.take(2)).toEqual([
    ['open', undefined],
    ['next', '{"data":{"message":{"text":"after some silence"}}}'],
  ]);
});
