import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';

import { createClient } from 'millrace/client';
import type { ClientOptions } from 'millrace/client';
import { http } from 'millrace/client/http';
import { isReactNativeFile, StreamedFile, uploads } from 'millrace/client/uploads';
import { describe, expect, it, onTestFinished } from 'vitest';

import { QuickClock } from '../support/client-clock.ts';
import { fieldsOf, stageForms } from '../support/form-requests.ts';
import { failure } from '../support/response-stage.ts';
import type { ResponseStage } from '../support/response-stage.ts';
import { ScriptedFetch } from '../support/scripted-fetch.ts';

const mutation = { kind: 'mutation', query: 'mutation ($a: Upload) { put(file: $a) }' } as const;
const modern = 'application/graphql-response+json';

const first = new File(['first'], 'first.txt', { type: 'text/plain' });

function streamed(): StreamedFile {
  return new StreamedFile(Readable.from([Buffer.from('pie'), 'ces']), 'a "b"\r\n.txt', {
    type: 'text/plain',
  });
}

function bodyOf(play: ResponseStage): ReadableStream<Uint8Array> {
  const { body } = play.request.init;
  if (body instanceof ReadableStream) return body;
  throw new Error('the body is no stream');
}

/** A client whose server is the test. */
function stageClient(options: Partial<ClientOptions> = {}) {
  const script = new ScriptedFetch();
  const clock = new QuickClock();
  const client = createClient({
    url: 'http://host.example/graphql',
    transport: http({ fetch: script.fetch, uploads: uploads() }),
    clock,
    signals: () => () => {},
    ...options,
  });
  onTestFinished(() => client.close());
  return { client, clock, script };
}

describe('a file that is a stream', () => {
  it('is sent as it comes, in a form like any other', async () => {
    const play = stageForms();
    const file = streamed();
    await play.ask({ ...mutation, variables: { a: file, b: first, c: [file] } });

    expect(play.request.init).toMatchObject({ duplex: 'half' });
    expect(play.request.headers.get('graphql-require-preflight')).toBe('1');
    expect(await fieldsOf(play.request)).toEqual([
      ['operations', { query: mutation.query, variables: { a: null, b: null, c: [null] } }],
      ['map', { 0: ['variables.a', 'variables.c.0'], 1: ['variables.b'] }],
      ['0', { name: 'a "b"\r\n.txt', type: 'text/plain', text: 'pieces' }],
      ['1', { name: 'first.txt', type: 'text/plain', text: 'first' }],
    ]);
  });

  it('may be a stream of the web that cannot be iterated', async () => {
    const stream = new Blob(['pieces']).stream();
    Object.defineProperty(stream, Symbol.asyncIterator, { value: undefined });
    const play = stageForms();
    await play.ask({ ...mutation, variables: { a: new StreamedFile(stream, 'a') } });

    expect((await fieldsOf(play.request))[2]).toEqual([
      '0',
      { name: 'a', type: 'application/octet-stream', text: 'pieces' },
    ]);
  });

  it('is not read before it is asked for, and no further', async () => {
    let read = 0;
    async function* pieces(): AsyncGenerator<string> {
      for (;;) yield String((read += 1));
    }
    const play = stageForms();
    await play.ask({ ...mutation, variables: { a: new StreamedFile(pieces(), 'endless') } });
    const before = read;
    const reader = bodyOf(play).getReader();
    for (let i = 0; i < 20; i += 1) await reader.read();

    expect(before).toBe(0);
    expect(read).toBeLessThan(20);
    await reader.cancel();
  });

  it.each([
    ['a stream of Node', false],
    ['a stream of Node', true],
    ['a stream of the web', false],
    ['a stream of the web', true],
    ['an iteration', true],
  ] as const)(
    'is let go of when its operation is cancelled: %s, begun: %j',
    async (kind, isBegun) => {
      let isReleased = false;
      async function* endless(): AsyncGenerator<Uint8Array> {
        try {
          for (;;) yield new Uint8Array(1);
        } finally {
          isReleased = true;
        }
      }
      const web = (): ReadableStream<Uint8Array> =>
        new ReadableStream({
          pull: (controller) => controller.enqueue(new Uint8Array(1)),
          cancel: () => void (isReleased = true),
        });
      const node = (): Readable =>
        Readable.from(endless()).once('close', () => (isReleased = true));
      const streams = {
        'a stream of Node': node,
        'a stream of the web': web,
        'an iteration': endless,
      };
      const play = stageForms();
      const { stop } = await play.ask({
        ...mutation,
        variables: { a: new StreamedFile(streams[kind](), 'a') },
      });
      const reader = bodyOf(play).getReader();
      for (let left = isBegun ? 9 : 0; left > 0; left -= 1) await reader.read();

      expect(isReleased).toBe(false);
      stop();
      await play.clock.settle();
      expect(isReleased).toBe(true);
    },
  );

  it.each([
    ['breaks', () => createReadStream('/nowhere/to/be/found'), /ENOENT/],
    ['brings something else than bytes', () => Readable.from([{}, {}]), /bytes or text/],
  ] as const)('ends the body if it %s', async (_, create, message) => {
    const play = stageForms();
    await play.ask({ ...mutation, variables: { a: new StreamedFile(create(), 'a') } });

    await expect(new Response(bodyOf(play)).text()).rejects.toThrow(message);
  });

  it('is let go of when the server answers without reading it', async () => {
    let isCancelled = false;
    const stream = new ReadableStream<Uint8Array>({ cancel: () => void (isCancelled = true) });
    const play = stageForms();
    const { heard } = await play.ask({
      ...mutation,
      variables: { a: new StreamedFile(stream, 'a') },
    });
    await play.answer('{"data":{"put":null}}', { type: modern });

    expect(heard).toEqual(['connected', ['next', { data: { put: null } }], 'complete']);
    expect(isCancelled).toBe(true);
  });

  it('stands beside blobs alone', async () => {
    const photo = { uri: 'file:///photo.jpg', name: 'photo.jpg', type: 'image/jpeg' };

    const play = stageForms({ isFile: isReactNativeFile });
    const stream = Readable.from(['x']);
    const variables = { a: new StreamedFile(stream, 'a'), b: photo };

    await expect(play.ask({ ...mutation, variables })).rejects.toThrow(/has to be a Blob/);
    expect(stream.destroyed).toBe(true);
  });

  it.each([
    [
      'a connection that breaks',
      (play: ResponseStage): void => play.request.refuse(),
      'CONNECTION_LOST',
    ],
    [
      'a server that is busy',
      (play: ResponseStage): void => play.request.answer('', { status: 503 }),
      'CONNECTION_LOST',
    ],
  ] as const)('UP-46 is not worth another attempt: %s', async (_, fail, code) => {
    const play = stageForms();
    const { heard } = await play.ask({ ...mutation, variables: { a: streamed() } });
    fail(play);
    await play.clock.settle();

    expect(heard).toEqual([['closed', failure(code, { retryable: false })]]);
  });

  it.each([
    ['shall retry', {}, /lost/],
    ['retries whatever happens', { retry: { shouldRetry: () => true } }, /sent already/],
  ] as const)('UP-46 is not sent again by a client that %s', async (_, options, message) => {
    const { client, clock, script } = stageClient(options);
    const { query } = mutation;
    const ended = client.mutate({ query, variables: { a: streamed() }, retry: true }).catch(String);
    await clock.settle();
    script.last.refuse();
    await clock.advance(100_000);

    expect(await ended).toMatch(message);
    expect(script.requests).toHaveLength(1);
  });

  it('is the only file that is not: another one goes along', async () => {
    const { client, clock, script } = stageClient();
    const { query } = mutation;
    const answer = client.mutate({ query, variables: { a: first }, retry: true });
    await clock.settle();
    script.last.refuse();
    await clock.advance(1_000);
    const fields = await fieldsOf(script.last);
    script.last.answer('{"data":{"put":true}}', { type: modern });
    await clock.settle();

    expect(await answer).toEqual({ data: { put: true } });
    expect(script.requests).toHaveLength(2);
    expect(fields[2]).toEqual(['0', { name: 'first.txt', type: 'text/plain', text: 'first' }]);
  });
});
