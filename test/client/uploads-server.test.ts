import { createHash, randomBytes } from 'node:crypto';
import { createReadStream, openAsBlob } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';

import { listen } from 'millrace/adapters/node';
import type { Transport } from 'millrace/client';
import { http } from 'millrace/client/http';
import { multipart } from 'millrace/client/multipart';
import { persistedQueries } from 'millrace/client/persisted-queries';
import { sse } from 'millrace/client/sse';
import { StreamedFile, uploads } from 'millrace/client/uploads';
import type { Uploads } from 'millrace/client/uploads';
import { createServer } from 'millrace/server';
import type { ServerOptions } from 'millrace/server';
import { describe, expect, it, onTestFinished } from 'vitest';

import { uploadSchema } from '../support/upload-stage.ts';
import type { Act } from '../support/upload-stage.ts';
import { watchClient } from '../support/watched-client.ts';

const MiB = 2 ** 20;

type Create = (options: { readonly uploads: Uploads }) => Transport;

const transports: Readonly<Record<string, Create>> = {
  http,
  sse,
  multipart,
  'http by GET': (options) => http({ ...options, method: 'GET' }),
};

function digestOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

const digest: Act = async (file) => digestOf(new Uint8Array(await (await file).arrayBuffer()));

/** A client of a server that takes files; `act` is what it does with one. */
async function connect(
  create: Create = http,
  act: Act = digest,
  options: Partial<ServerOptions> = {},
) {
  const server = createServer({
    uploads: true,
    protocols: ['graphql-transport-ws', 'sse', 'multipart'],
    ...options,
    schema: uploadSchema(act),
  });
  const running = await listen(server, { port: 0, host: '127.0.0.1' });
  onTestFinished(() => running.close());
  return watchClient(running.url, { transport: create({ uploads: uploads() }) }).client;
}

async function createFile(bytes: Uint8Array): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'millrace-client-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const name = path.join(folder, 'bytes');
  await writeFile(name, bytes);
  return name;
}

const act = 'mutation ($file: Upload) { act(file: $file) }';

describe.each(Object.entries(transports))('files over %s', (_, create) => {
  it('arrive with name and type, in lists, in input objects and twice', async () => {
    const client = await connect(create);
    const a = new File(['Grüße\r\n'], 'größe "1".txt', { type: 'text/markdown' });
    const b = new File([''], 'b');
    const described = { name: 'größe "1".txt', type: 'text/markdown', text: 'Grüße\r\n', size: 9 };

    const { data } = await client.mutate({
      query: `mutation ($a: Upload, $files: [Upload], $letter: Letter) {
        put(file: $a) { name type text size }
        putAll(files: $files) { name text }
        mail(letter: $letter) { name size }
      }`,
      variables: {
        a,
        files: [b, a],
        letter: { attachments: [{ blob: a }, {}, { blob: new Blob(['x']) }] },
      },
    });

    expect(data).toEqual({
      put: described,
      putAll: [
        { name: 'b', text: '' },
        { name: described.name, text: described.text },
      ],
      mail: [{ name: described.name, size: 9 }, null, { name: 'blob', size: 1 }],
    });
  });

  it('arrive to the byte', async () => {
    const client = await connect(create);
    const bytes = randomBytes(5 * MiB);

    expect(await client.mutate({ query: act, variables: { file: new Blob([bytes]) } })).toEqual({
      data: { act: digestOf(bytes) },
    });
  });

  it('come with queries, too', async () => {
    const client = await connect(create);
    const query = 'query ($file: Upload) { file(file: $file) { text } }';

    expect(await client.query({ query, variables: { file: new File(['x'], 'x') } })).toEqual({
      data: { file: { text: 'x' } },
    });
    expect(await client.query({ query: '{ hello }' })).toEqual({ data: { hello: 'world' } });
  });
});

describe('a file of a disk', () => {
  const bytes = randomBytes(5 * MiB);

  it('is sent as a blob', async () => {
    const client = await connect();
    const file = await openAsBlob(await createFile(bytes));

    expect(await client.mutate({ query: act, variables: { file } })).toEqual({
      data: { act: digestOf(bytes) },
    });
  });

  it('is sent as a stream, also with a hash', async () => {
    const client = await connect((options) => persistedQueries(http(options)), digest, {
      persistedQueries: {},
    });
    for (let i = 0; i < 2; i += 1) {
      const stream = createReadStream(await createFile(bytes));
      const file = new StreamedFile(stream, 'bytes', { type: 'image/png' });

      expect(await client.mutate({ query: act, variables: { file } })).toEqual({
        data: { act: digestOf(bytes) },
      });
      expect(stream.closed).toBe(true);
    }
  });

  it('is sent as a stream beside other files', async () => {
    const client = await connect();
    const files = [
      new File(['one'], 'one'),
      new StreamedFile(Readable.from(['tw', 'o']), 'two ü'),
      new StreamedFile(
        Readable.toWeb(Readable.from([Buffer.from('three')])) as ReadableStream<Uint8Array>,
        'three',
      ), // of the buffer in it
    ];

    expect(
      await client.mutate({
        query: 'mutation ($files: [Upload]) { putAll(files: $files) { name text } }',
        variables: { files },
      }),
    ).toEqual({
      data: {
        putAll: [
          { name: 'one', text: 'one' },
          { name: 'two ü', text: 'two' },
          { name: 'three', text: 'three' },
        ],
      },
    });
  });

  it('is let go of when nobody wants the rest', async () => {
    const client = await connect(http, () => Promise.resolve('enough'));
    const stream = createReadStream('/dev/zero');

    expect(
      await client.mutate({
        query: act,
        variables: { file: new StreamedFile(stream, 'endless') },
      }),
    ).toEqual({ data: { act: 'enough' } });
    expect(stream.destroyed).toBe(true);
  });

  it('is let go of when the operation is cancelled', async () => {
    const leaving = new AbortController();
    const client = await connect(http, async (file) => {
      await file;
      leaving.abort(new Error('enough'));
      return 'never seen';
    });
    const stream = createReadStream('/dev/zero');
    const file = new StreamedFile(stream, 'endless');
    const answer = client.mutate({ query: act, variables: { file }, signal: leaving.signal });

    await expect(answer).rejects.toThrow('enough');
    expect(stream.destroyed).toBe(true);
  });

  it('that cannot be read fails the operation, for good', async () => {
    const client = await connect();
    const file = new StreamedFile(createReadStream('/nowhere/to/be/found'), 'nothing');

    await expect(
      client.mutate({ query: act, variables: { file }, retry: true }),
    ).rejects.toMatchObject({ code: 'CONNECTION_LOST', retryable: false });
  });
});

describe('a server', () => {
  it('refuses files of a subscription', async () => {
    const client = await connect(sse);
    const handle = client.subscribe({
      query: 'subscription ($file: Upload) { watch(file: $file) }',
      variables: { file: new File(['x'], 'x') },
    });
    const results: unknown[] = [];
    for await (const result of handle) results.push(result);

    expect(results).toEqual([
      { errors: [expect.objectContaining({ extensions: { code: 'BAD_REQUEST' } })] },
    ]);
  });

  it('without uploads says so', async () => {
    const client = await connect(http, digest, { uploads: false });

    expect(await client.mutate({ query: act, variables: { file: new Blob(['x']) } })).toEqual({
      errors: [expect.objectContaining({ extensions: { code: 'UNSUPPORTED_MEDIA_TYPE' } })],
    });
  });
});
