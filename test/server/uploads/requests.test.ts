import { describe, expect, it } from 'vitest';

import { converse, subscribe } from '../../support/conversation.ts';
import type { FormPart } from '../../support/upload-stage.ts';
import {
  FormBody,
  partText,
  requestParts,
  stageUploads,
  uploadSchema,
} from '../../support/upload-stage.ts';

const put = 'mutation ($file: Upload) { put(file: $file) { name type text size } }';
const putOne = (content: string): readonly FormPart[] =>
  requestParts({ query: put, variables: { file: null } }, { 0: ['variables.file'] }, [
    { name: '0', content },
  ]);
const failure = (code: string, message: unknown = expect.any(String)) => ({
  errors: [{ message, extensions: expect.objectContaining({ code }) }],
});

describe('files in the variables', () => {
  it('UP-1 a single file comes with its content, name and type', async () => {
    expect(await stageUploads().post(putOne('Hellö'))).toEqual({
      status: 200,
      json: { data: { put: { name: '0.txt', type: 'text/plain', text: 'Hellö', size: 6 } } },
    });
  });

  it('UP-1 so it does in a query', async () => {
    const query = 'query ($file: Upload!) { file(file: $file) { text } }';
    const parts = requestParts({ query, variables: { file: null } }, { 0: ['variables.file'] }, [
      { name: '0', content: 'a' },
    ]);
    expect((await stageUploads().post(parts)).json).toEqual({ data: { file: { text: 'a' } } });
  });

  it('UP-2 a list of files', async () => {
    const query = 'mutation ($files: [Upload!]!) { putAll(files: $files) { text } }';
    const parts = requestParts(
      { query, variables: { files: [null, null] } },
      { 0: ['variables.files.0'], 1: ['variables.files.1'] },
      [
        { name: '0', content: 'a' },
        { name: '1', content: 'b' },
      ],
    );
    expect((await stageUploads().post(parts)).json).toEqual({
      data: { putAll: [{ text: 'a' }, { text: 'b' }] },
    });
  });

  it('UP-3 files in input objects', async () => {
    const query = 'mutation ($letter: Letter!) { mail(letter: $letter) { text } }';
    const letter = { attachments: [{ blob: null }, {}, { blob: null }] };
    const parts = requestParts(
      { query, variables: { letter } },
      { x: ['variables.letter.attachments.2.blob'], y: ['variables.letter.attachments.0.blob'] },
      [
        { name: 'x', content: 'third' },
        { name: 'y', content: 'first' },
      ],
    );
    expect((await stageUploads().post(parts)).json).toEqual({
      data: { mail: [{ text: 'first' }, null, { text: 'third' }] },
    });
  });

  it('UP-4 a batch is refused', async () => {
    const parts = requestParts([{ query: put, variables: { file: null } }], {
      0: ['0.variables.file'],
    });
    expect(await stageUploads().post(parts)).toEqual({
      status: 400,
      json: failure(
        'UPLOAD_INVALID',
        'the form field `operations` has a batch, and batches are not executed here',
      ),
    });
  });

  it('UP-5 one file in two places is read in full by both, one after the other', async () => {
    const query =
      'mutation ($a: Upload, $b: Upload) { a: put(file: $a) { text size } b: put(file: $b) { text size } }';
    const parts = requestParts(
      { query, variables: { a: null, b: null } },
      { 0: ['variables.a', 'variables.b'] },
      [{ name: '0', content: 'twice' }],
    );
    const file = { text: 'twice', size: 5 };
    expect((await stageUploads().post(parts)).json).toEqual({ data: { a: file, b: file } });
  });

  it('UP-6 a form without files is executed', async () => {
    const parts = requestParts({ query: '{ hello }' }, {});
    expect((await stageUploads().post(parts)).json).toEqual({ data: { hello: 'world' } });
  });

  it('UP-7 a file that `map` does not name is ignored, before others and after them', async () => {
    const [operations, map, file] = putOne('a');
    const extra: FormPart = { name: 'x', fileName: 'x', content: 'extra' };
    const parts = [operations, map, extra, file, { ...extra, name: 'y' }] as readonly FormPart[]; // there are three
    expect((await stageUploads().post(parts)).json).toMatchObject({ data: { put: { text: 'a' } } });
  });

  it('UP-8 a file that does not come is the error of its field alone', async () => {
    const query =
      'mutation ($a: Upload, $b: Upload) { a: put(file: $a) { text } b: put(file: $b) { text } }';
    const parts = requestParts(
      { query, variables: { a: null, b: null } },
      { 0: ['variables.a'], 1: ['variables.b'] },
      [{ name: '0', content: 'a' }],
    );
    expect(await stageUploads().post(parts)).toMatchObject({
      status: 200,
      json: {
        data: { a: { text: 'a' }, b: null },
        errors: [
          {
            message: 'File missing in the request.',
            path: ['b'],
            extensions: { code: 'UPLOAD_MISSING', part: '1' },
          },
        ],
      },
    });
  });

  it('UP-24 `operations` and `map` may say that they are JSON', async () => {
    const [operations, map, file] = putOne('a') as readonly [FormPart, FormPart, FormPart]; // as it is made above
    const type = 'application/json';
    const parts = [{ ...operations, type }, { ...map, type }, file];
    expect((await stageUploads().post(parts)).json).toMatchObject({ data: { put: { text: 'a' } } });
  });

  it.each([
    ['no byte', ''],
    ['one byte', '\0'],
    ['line ends at its end', 'a\r\n\r\n'],
    ['what looks like a delimiter', 'a\r\n--b0un\r\n--\r\nb0und--'],
  ])('UP-17 a file of %s survives', async (_says, content) => {
    expect((await stageUploads().post(putOne(content))).json).toMatchObject({
      data: { put: { text: content } },
    });
  });
});

describe('a form that breaks the rules', () => {
  const [operations, map, file] = putOne('a') as readonly [FormPart, FormPart, FormPart]; // as it is made above

  it.each<readonly [string, readonly FormPart[], string]>([
    [
      'UP-9 with `map` before `operations`',
      [map, operations, file],
      'the form field `map` must come after `operations`',
    ],
    [
      'UP-9 with a file before `map`',
      [operations, file, map],
      'files must come after the form field `map`',
    ],
    [
      'UP-9 with a file before everything',
      [file, operations, map],
      'files must come after the form field `map`',
    ],
    ['UP-10 without `operations`', [], 'the form field `operations` is missing'],
    ['UP-10 without `map`', [operations], 'the form field `map` is missing'],
    [
      'with two `operations`',
      [operations, operations, map],
      'the form field `operations` occurs twice',
    ],
  ])('%s gets 400', async (_says, parts, message) => {
    expect(await stageUploads().post(parts)).toEqual({
      status: 400,
      json: failure('UPLOAD_INVALID', message),
    });
  });

  it.each<readonly [string, FormPart, string, string]>([
    [
      '`operations` that are no JSON',
      { name: 'operations', content: '{' },
      'BODY_NOT_JSON',
      'the form field `operations` must be JSON',
    ],
    [
      '`operations` that are no object',
      { name: 'operations', content: '"x"' },
      'UPLOAD_INVALID',
      'the form field `operations` must be a JSON object',
    ],
    [
      'a query that is no text',
      { name: 'operations', content: '{"query":1,"variables":{"file":null}}' },
      'BAD_REQUEST',
      '`query` must be a string',
    ],
    [
      'a `map` that is no JSON',
      { name: 'map', content: '' },
      'BODY_NOT_JSON',
      'the form field `map` must be JSON',
    ],
    [
      'a `map` that is a list',
      { name: 'map', content: '[]' },
      'UPLOAD_INVALID',
      'the form field `map` must be a JSON object',
    ],
    [
      'an entry of `map` that is no list',
      { name: 'map', content: '{"0":"variables.file"}' },
      'UPLOAD_INVALID',
      'the entry "0" of the form field `map` must be an array',
    ],
    [
      'a path that is no text',
      { name: 'map', content: '{"0":["variables.file",1]}' },
      'UPLOAD_INVALID',
      'the entry "0" of the form field `map` must have a string at index 1',
    ],
  ])('UP-11 %s gets 400', async (_says, part, code, message) => {
    const parts = [operations, map, file].map((own) => (own.name === part.name ? part : own));
    expect(await stageUploads().post(parts)).toEqual({ status: 400, json: failure(code, message) });
  });

  const variables = { file: null, other: { list: [null], text: 'x' } };
  it.each([
    ['UP-12', 'variables.nothing'],
    ['UP-12', 'variables.other.text'],
    ['UP-12', 'variables.other.text.length'],
    ['UP-12', 'variables.other'],
    ['UP-12', 'variables.other.list.1'],
    ['UP-12', 'variables.other.list.length'],
    ['UP-12', 'variables'],
    ['UP-12', ''],
    ['UP-13', 'variables.__proto__.polluted'],
    ['UP-13', 'variables.constructor.prototype.polluted'],
    ['UP-13', 'variables.other.__proto__'],
    ['UP-13', '__proto__.polluted'],
    ['UP-14', 'query'],
    ['UP-14', 'extensions.x'],
    ['UP-14', 'operationName'],
  ])('%s the path "%s" gets 400', async (_id, path) => {
    const parts = requestParts(
      { query: put, variables, operationName: null, extensions: { x: null } },
      { 0: ['variables.file', path] },
      [{ name: '0', content: 'a' }],
    );
    expect(await stageUploads().post(parts)).toEqual({
      status: 400,
      json: failure(
        'UPLOAD_INVALID',
        `the entry "0" of the form field \`map\` has at index 1 ${JSON.stringify(path)}, which is no place of a \`null\` in \`variables\``,
      ),
    });
    expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false);
  });

  it('UP-13 own members of these names in the variables are no way either', async () => {
    const content = `{"query":${JSON.stringify(put)},"variables":{"file":null,"__proto__":{"a":null}}}`;
    const parts: readonly FormPart[] = [
      { name: 'operations', content },
      { name: 'map', content: '{"0":["variables.__proto__.a"]}' },
    ];
    expect((await stageUploads().post(parts)).status).toBe(400);
  });

  it('UP-12 one place is not for two files', async () => {
    const parts = requestParts(
      { query: put, variables: { file: null } },
      { 0: ['variables.file'], 1: ['variables.file'] },
    );
    expect((await stageUploads().post(parts)).status).toBe(400);
  });

  it('with `map` again among its files fails the files that are left', async () => {
    expect((await stageUploads().post([operations, map, map, file])).json).toMatchObject({
      data: { put: null },
      errors: [{ extensions: { code: 'UPLOAD_INVALID' } }],
    });
  });

  it('that is cut off within a file fails its reader', async () => {
    const stage = stageUploads();
    const body = new FormBody().send([operations, map, file].map(partText).join('')).end();
    const response = await stage.ask(body);
    expect(response).toMatchObject({
      status: 200,
      body: expect.stringContaining('"code":"UPLOAD_INVALID"'),
    });
  });
});

describe('where files are refused', () => {
  const clientOf = { headers: { 'content-type': 'multipart/form-data; boundary=b0und' } };

  it('they are off by default, and a form is answered with 415', async () => {
    expect(await stageUploads(undefined, { uploads: false }).post(putOne('a'))).toEqual({
      status: 415,
      json: failure(
        'UNSUPPORTED_MEDIA_TYPE',
        'no files are accepted here; the content type must be application/json in UTF-8',
      ),
    });
  });

  it('UP-16 a form without a header that makes browsers ask is not executed', async () => {
    const headers = { 'graphql-require-preflight': undefined };
    expect(await stageUploads().post(putOne('a'), { headers })).toEqual({
      status: 403,
      json: failure('CROSS_SITE_REQUEST', expect.stringContaining('graphql-require-preflight')),
    });
  });

  it.each(['Apollo-Require-Preflight', 'X-Apollo-Operation-Name', 'GraphQL-Preflight'])(
    'UP-16 %s is such a header as well',
    async (name) => {
      const headers = { 'graphql-require-preflight': undefined, [name.toLowerCase()]: 'x' };
      expect((await stageUploads().post(putOne('a'), { headers })).status).toBe(200);
    },
  );

  it('UP-16 the header can be another one, or none', async () => {
    const headers = { 'graphql-require-preflight': undefined, 'x-mine': '1' };
    const own = stageUploads(undefined, { uploads: { preflightHeaders: ['X-Mine'] } });
    const none = stageUploads(undefined, { uploads: { preflightHeaders: [] } });
    expect((await own.post(putOne('a'), { headers })).status).toBe(200);
    expect((await own.post(putOne('a'))).status).toBe(403);
    expect(
      (await none.post(putOne('a'), { headers: { ...headers, 'x-mine': undefined } })).status,
    ).toBe(200);
  });

  it('GET takes none', async () => {
    const answer = await stageUploads().post(putOne('a'), { method: 'GET', ...clientOf });
    expect(answer).toEqual({
      status: 405,
      json: failure('METHOD_NOT_ALLOWED', 'use POST for forms with files'),
    });
  });

  it('a compressed form is refused', async () => {
    const headers = { 'content-encoding': 'gzip' };
    expect((await stageUploads().post(putOne('a'), { headers })).status).toBe(415);
  });

  it('a runtime that cannot read bodies in pieces is told from one that can', async () => {
    const { server } = stageUploads();
    const headers = { ...clientOf.headers, 'graphql-require-preflight': '1' };
    const response = await server.handleRequest({
      method: 'POST',
      url: '/graphql',
      headers,
      body: () => Promise.resolve({ text: '' }),
    });
    expect(response).toMatchObject({ status: 415 });
  });

  it('a subscription takes none', async () => {
    const query = 'subscription ($file: Upload) { watch(file: $file) }';
    const parts = requestParts({ query, variables: { file: null } }, { 0: ['variables.file'] }, [
      { name: '0', content: 'a' },
    ]);
    const answer = await stageUploads().post(parts, {
      headers: { accept: 'application/json, text/event-stream;q=0.5' },
    });
    expect(answer.json).toEqual(failure('BAD_REQUEST', 'a subscription takes no files'));
  });

  it('an operation of a reserved stream takes none', async () => {
    const stage = stageUploads();
    const reserved = await stage.server.handleRequest({
      method: 'PUT',
      url: '/graphql',
      headers: {},
      body: () => Promise.resolve({ text: '' }),
    });
    const token = reserved.kind === 'whole' ? reserved.body : '';
    const answer = await stage.post(putOne('a'), {
      headers: { 'x-graphql-event-stream-token': token },
    });
    expect(answer).toMatchObject({ status: 415 });
  });

  it.each([
    ['a text', 'file.txt'],
    ['an object', { name: 'file.txt' }],
  ])('UP-21 %s in JSON is no file', async (_says, file) => {
    const { server } = stageUploads();
    const text = JSON.stringify({ query: put, variables: { file } });
    const response = await server.handleRequest({
      method: 'POST',
      url: '/graphql',
      headers: { 'content-type': 'application/json', accept: 'application/json' },
      body: () => Promise.resolve({ text }),
    });
    expect(response).toMatchObject({
      body: expect.stringMatching(/Upload value invalid: a file is sent by POST.*BAD_USER_INPUT/),
    });
  });

  it('UP-21 a literal is no file, and a file is no result', async () => {
    const { server } = stageUploads();
    const { errors } = await server.execute({ query: 'mutation { put(file: "x") { name } }' });
    expect(errors?.[0]?.message).toContain('Upload value invalid');
  });

  it('over a WebSocket the error says how files are sent', async () => {
    const client = await converse({ uploads: true, schema: uploadSchema() }).ready();
    subscribe(client, '1', put, { variables: { file: {} } });
    expect(await client.next()).toMatchObject({
      message: {
        type: 'error',
        payload: [{ message: expect.stringContaining('a file is sent by POST') }],
      },
    });
  });
});

describe('options', () => {
  it.each<[object, string]>([
    [{ fileBytes: 0 }, 'uploads.fileBytes must be a positive number or Infinity'],
    [{ fileByte: 1 }, 'uploads.fileByte is no option'],
  ])('%o are refused', (uploads, message) => {
    expect(() => stageUploads(undefined, { uploads })).toThrow(message);
  });
});
