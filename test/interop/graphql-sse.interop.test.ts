import { createClient } from 'graphql-sse';
import { expect, it, onTestFinished } from 'vitest';

import { serveFixture } from '../support/fixture-server.ts';
import type { FixtureServer } from '../support/fixture-server.ts';
import { completed, next, recordOperation } from './support/recorded-operation.ts';
import { Inbox, until } from '../support/waiting.ts';

type Client = ReturnType<typeof createClient<boolean>>;

/** A client with one stream for all of its operations, and the requests that it makes, each with its answer. */
function connectSingle({ httpUrl, reachable }: FixtureServer) {
  const answers = new Inbox<string>('the answer to a request');
  const client = createClient({
    url: httpUrl,
    singleConnection: true,
    retry: reachable,
    fetchFn: async (url: string, init: RequestInit) => {
      const response = await fetch(url, init);
      answers.push(`${init.method} ${response.status}`);
      return response;
    },
  });
  onTestFinished(() => client.dispose());
  return { client, answers };
}

function connectDistinct({ httpUrl, reachable }: FixtureServer) {
  const client = createClient({ url: httpUrl, retry: reachable });
  onTestFinished(() => client.dispose());
  return client;
}

function run(client: Client, query: string) {
  const operation = recordOperation();
  return { ...operation, unsubscribe: client.subscribe({ query }, operation) };
}

const inRoom = (room: string): string => `subscription { message(room: "${room}") { text } }`;
const messageOf = (text: string): unknown => next({ data: { message: { text } } });

it('reserves a stream, opens it and executes every operation on it', async () => {
  const server = await serveFixture();
  const { client, answers } = connectSingle(server);
  const [inA, inB] = [run(client, inRoom('a')), run(client, inRoom('b'))];
  await server.sources(2);
  expect(await answers.take(4)).toEqual(['PUT 201', 'GET 200', 'POST 202', 'POST 202']);
  await server.app.publish('b', 'for b');
  await server.app.publish('a', 'for a');
  expect(await inA.reports.next()).toEqual(messageOf('for a'));
  expect(await inB.reports.next()).toEqual(messageOf('for b'));
});

it('keeps the stream when one of its operations fails', async () => {
  const server = await serveFixture();
  const { client, answers } = connectSingle(server);
  const room = run(client, inRoom('a'));
  await server.sources(1);
  const breaking = run(client, 'subscription { breaks }');
  expect(await breaking.reports.take(3)).toEqual([
    next({ data: { breaks: 1 } }),
    next({ errors: [{ message: 'Internal server error', extensions: { code: 'SOURCE_FAILED' } }] }),
    completed,
  ]);
  await server.sources(1);
  await server.app.publish('a', 'still here');
  expect(await room.reports.next()).toEqual(messageOf('still here'));
  expect(await answers.take(4)).toEqual(['PUT 201', 'GET 200', 'POST 202', 'POST 202']);
});

it('keeps the stream when one of its operations is refused', async () => {
  const server = await serveFixture();
  const { client } = connectSingle(server);
  const room = run(client, inRoom('a'));
  await server.sources(1);
  const refused = run(client, '{ nope }');
  expect(await refused.reports.next()).toMatchObject({
    kind: 'error',
    error: { message: 'Server responded with 400: Bad Request' },
  });
  await server.app.publish('a', 'still here');
  expect(await room.reports.next()).toEqual(messageOf('still here'));
});

it('stops one operation by DELETE, and the stream with the last', async () => {
  const server = await serveFixture();
  const { client, answers } = connectSingle(server);
  const [left, kept] = [run(client, inRoom('a')), run(client, inRoom('b'))];
  await server.sources(2);
  await answers.take(4);
  left.unsubscribe();
  expect(await answers.next()).toBe('DELETE 200');
  await server.sources(1);
  await server.app.publish('b', 'still here');
  expect(await kept.reports.next()).toEqual(messageOf('still here'));

  kept.unsubscribe();
  await server.sources(0);
  await until(() => server.gauges().deadlines === 0, 'the end of the stream');
});

it('runs many queries and mutations on the stream of a subscription', async () => {
  const server = await serveFixture();
  const { client, answers } = connectSingle(server);
  const room = run(client, inRoom('a'));
  await server.sources(1);
  for (const text of ['one', 'two', 'three']) {
    const posted = run(client, `mutation { post(room: "a", text: "${text}") }`);
    expect(await posted.reports.take(2)).toEqual([next({ data: { post: true } }), completed]);
    expect(await room.reports.next()).toEqual(messageOf(text));
  }
  expect((await answers.take(5)).slice(2)).toEqual(['POST 202', 'POST 202', 'POST 202']);
});

it('reserves again at the next server and executes there what was running', async () => {
  const server = await serveFixture();
  const { client, answers } = connectSingle(server);
  const [inA, inB] = [run(client, inRoom('a')), run(client, inRoom('b'))];
  await server.sources(2);
  await answers.take(4);
  await server.close();

  const successor = await server.startSuccessor();
  await successor.sources(2);
  expect(await answers.next()).toBe('PUT 201');
  await successor.app.publish('a', 'for a');
  await successor.app.publish('b', 'for b');
  expect(await inA.reports.next()).toEqual(messageOf('for a'));
  expect(await inB.reports.next()).toEqual(messageOf('for b'));
});

it('lets go of everything when a client is disposed', async () => {
  const server = await serveFixture();
  const [{ client: single }, distinct] = [connectSingle(server), connectDistinct(server)];
  run(single, inRoom('a'));
  run(distinct, inRoom('a'));
  await server.sources(2);
  single.dispose();
  distinct.dispose();
  await server.sources(0);
  await until(() => server.gauges().deadlines === 0, 'the end of the streams');
  expect(server.gauges()).toMatchObject({ operations: 0, readers: 0 });
});

it('stops the source when an iteration is left', async () => {
  const server = await serveFixture();
  const iterator = connectDistinct(server).iterate({ query: inRoom('a') });
  const first = iterator.next();
  await server.sources(1);
  await server.app.publish('a', 'one');
  expect(await first).toEqual({ done: false, value: { data: { message: { text: 'one' } } } });
  await iterator.return?.();
  await server.sources(0);
});

it('reports a syntax error as a result of the distinct mode', async () => {
  const server = await serveFixture();
  const { reports } = run(connectDistinct(server), '{ hello');
  expect(await reports.take(2)).toEqual([
    next({
      errors: [expect.objectContaining({ message: 'Syntax Error: Expected Name, found <EOF>.' })],
    }),
    completed,
  ]);
});
