import { Readable } from 'node:stream';

import type { OperationRequest } from 'millrace';
import { http } from 'millrace/client/http';
import { multipart } from 'millrace/client/multipart';
import { sse } from 'millrace/client/sse';
import { isReactNativeFile, uploads } from 'millrace/client/uploads';
import { describe, expect, it } from 'vitest';

import { fieldsOf, stageForms } from '../support/form-requests.ts';
import { ResponseStage } from '../support/response-stage.ts';

const mutation = { kind: 'mutation', query: 'mutation ($a: Upload) { put(file: $a) }' } as const;
const modern = 'application/graphql-response+json';

const first = new File(['first'], 'first.txt', { type: 'text/plain' });
const second = new File(['second'], 'second.bin');

async function send(variables: OperationRequest['variables']) {
  const play = stageForms();
  await play.ask({ ...mutation, ...(variables && { variables }) });
  return fieldsOf(play.request);
}

describe('a request with files', () => {
  it('UP-40 has the operation first, then the map, then the files in its order', async () => {
    const fields = await send({ a: second, b: { c: [first] } });

    expect(fields.map(([name]) => name)).toEqual(['operations', 'map', '0', '1']);
    expect(fields.slice(1)).toEqual([
      ['map', { 0: ['variables.a'], 1: ['variables.b.c.0'] }],
      ['0', { name: 'second.bin', type: expect.any(String), text: 'second' }],
      ['1', { name: 'first.txt', type: 'text/plain', text: 'first' }],
    ]);
  });

  it('UP-41 has `null` in the place of each file', async () => {
    const play = stageForms();
    const variables = {
      a: first,
      n: 1,
      pipe: { pipe: 'a', getReader: 'b' },
      files: [first, null, second],
      letter: { attachments: [{ blob: second, at: new Date(0) }], nothing: undefined },
    };
    const extensions = { trace: 'x' };
    await play.ask({ ...mutation, operationName: 'Put', variables, extensions });

    expect((await fieldsOf(play.request)).slice(0, 2)).toEqual([
      [
        'operations',
        {
          query: mutation.query,
          operationName: 'Put',
          variables: {
            a: null,
            n: 1,
            pipe: { pipe: 'a', getReader: 'b' },
            files: [null, null, null],
            letter: { attachments: [{ blob: null, at: '1970-01-01T00:00:00.000Z' }] },
          },
          extensions,
        },
      ],
      [
        'map',
        {
          0: ['variables.a', 'variables.files.0'],
          1: ['variables.files.2', 'variables.letter.attachments.0.blob'],
        },
      ],
    ]);
  });

  it('UP-42 sends a file once that has two places, and two that are alike twice', async () => {
    const shared = { file: first };
    const twin = new File(['first'], 'first.txt', { type: 'text/plain' });
    const fields = await send({ a: shared, b: shared, c: twin });

    expect(fields.slice(1).map(([name, value]) => [name, value])).toEqual([
      ['map', { 0: ['variables.a.file', 'variables.b.file'], 1: ['variables.c'] }],
      ['0', { name: 'first.txt', type: 'text/plain', text: 'first' }],
      ['1', { name: 'first.txt', type: 'text/plain', text: 'first' }],
    ]);
  });

  it('UP-42 names as many places as there are, in a time that grows with their number', async () => {
    const places = 50_000;
    const fields = await send({ list: Array.from({ length: places }, () => first) });

    expect(fields[1]?.[1]).toHaveProperty('0.length', places);
  });

  it('UP-43 leaves the variables as they are, also where nobody could change them', async () => {
    const files = Object.freeze([first, second]);
    const variables = Object.freeze({ files, letter: Object.freeze({ blob: first }) });
    await send(variables);

    expect(variables).toEqual({ files: [first, second], letter: { blob: first } });
    expect(variables.files).toBe(files);
    expect(variables.letter.blob).toBe(first);
  });

  it('UP-44 has the headers that servers insist on, and leaves the content type to the form', async () => {
    const play = stageForms();
    await play.ask({ ...mutation, variables: { a: first } });

    expect(play.request.method).toBe('POST');
    expect(Object.fromEntries(play.request.headers)).toEqual({
      accept: `${modern}, application/json;q=0.9`,
      'apollo-require-preflight': '1',
      'graphql-preflight': '1',
      'graphql-require-preflight': '1',
    });
  });

  it('UP-44 has other headers if it shall, those of the transport first', async () => {
    const play = new ResponseStage((common) =>
      http({
        ...common,
        headers: { 'content-type': 'application/json', 'x-csrf': 'own' },
        uploads: uploads({ preflightHeaders: { 'x-csrf': 'yes', 'x-other': 'yes' } }),
      }),
    );
    await play.ask({ ...mutation, variables: { a: first } });

    expect(Object.fromEntries(play.request.headers)).toEqual({
      accept: `${modern}, application/json;q=0.9`,
      'x-csrf': 'own',
      'x-other': 'yes',
    });
  });

  it.each([{ a: 1 }, {}, undefined])(
    'UP-45 is none but JSON where there is no file: %j',
    async (variables) => {
      const play = stageForms();
      await play.ask({ ...mutation, ...(variables && { variables }) });

      expect(play.request.headers.get('content-type')).toBe('application/json');
      expect(play.request.headers.has('graphql-require-preflight')).toBe(false);
      expect(play.request.body).toEqual({ query: mutation.query, ...(variables && { variables }) });
    },
  );

  it('is a POST, whatever the method', async () => {
    const play = new ResponseStage((common) =>
      http({ ...common, method: 'GET', uploads: uploads() }),
    );
    await play.ask({ kind: 'query', query: '{ size }', variables: { a: first } });

    expect(play.request.method).toBe('POST');
    expect(play.request.init.body).toBeInstanceOf(FormData);
  });

  it.each([
    ['sse', sse],
    ['multipart', multipart],
  ] as const)('goes over %s, too', async (_, transport) => {
    const play = new ResponseStage((common) => transport({ ...common, uploads: uploads() }));
    await play.ask({ ...mutation, variables: { a: first } });

    expect((await fieldsOf(play.request)).map(([name]) => name)).toEqual([
      'operations',
      'map',
      '0',
    ]);
  });

  it('may take its time, also where it shall come back as a stream', async () => {
    const play = stageForms();
    const { heard } = await play.ask({ query: mutation.query, variables: { a: first } });
    await play.clock.advance(3_600_000);

    expect(play.request.isAborted).toBe(false);
    expect(heard).toEqual([]);
  });

  it('names no text that a hash stands for', async () => {
    const play = stageForms();
    const extensions = { persistedQuery: { version: 1, sha256Hash: 'abc' } };
    await play.ask({ kind: 'mutation', query: '', variables: { a: first }, extensions });

    expect((await fieldsOf(play.request))[0]).toEqual([
      'operations',
      { variables: { a: null }, extensions },
    ]);
  });
});

describe('a file', () => {
  it('may be a blob without a name', async () => {
    expect(await send({ a: new Blob(['bytes']) })).toContainEqual([
      '0',
      { name: 'blob', type: expect.any(String), text: 'bytes' },
    ]);
  });

  it('may be in the list that an input of a page has', async () => {
    const list = { 0: first, 1: second, length: 2, [Symbol.toStringTag]: 'FileList' };
    const [[, operations] = [], [, map] = []] = await send({ files: list });

    expect(operations).toMatchObject({ variables: { files: [null, null] } });
    expect(map).toEqual({ 0: ['variables.files.0'], 1: ['variables.files.1'] });
  });

  it('may be what the FormData of the runtime takes', async () => {
    const appended: (readonly [string, unknown])[] = [];
    class OwnForm extends FormData {
      override append(name: string, value: unknown): void {
        appended.push([name, value]);
      }
    }
    const play = stageForms({ isFile: isReactNativeFile, FormData: OwnForm });
    const photo = { uri: 'file:///photo.jpg', name: 'photo.jpg', type: 'image/jpeg' };
    await play.ask({ ...mutation, variables: { a: photo, b: { uri: 'x', name: 'y' } } });

    expect(appended.slice(1)).toEqual([
      ['map', '{"0":["variables.a"]}'],
      ['0', photo],
    ]);
  });

  it.each([
    ['at a key with a dot', { variables: { 'a.b': { c: first } } }, /variables\.a\.b\.c.*dot/],
    ['outside the variables', { extensions: { trace: [first] } }, /extensions\.trace\.0/],
    [
      'that is a bare stream of Node',
      { variables: { a: Readable.from(['x']) } },
      /StreamedFile.*variables\.a/,
    ],
    [
      'that is a bare stream of the web',
      { variables: { a: new Blob([]).stream() } },
      /StreamedFile.*variables\.a/,
    ],
  ])('%s cannot be sent', async (_, request, message) => {
    const play = stageForms();

    await expect(play.ask({ ...mutation, ...request })).rejects.toThrow(message);
    expect(play.requests).toEqual([]);
  });

  it('cannot be sent among variables that go round', async () => {
    const round: Record<string, unknown> = { file: first };
    round['self'] = round;

    await expect(send({ round })).rejects.toThrow(/circular/);
  });
});
