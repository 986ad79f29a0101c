import { createHash, randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';

import { createClient } from 'millrace/client';
import type { Client } from 'millrace/client';
import { http } from 'millrace/client/http';
import { multipart } from 'millrace/client/multipart';
import { StreamedFile, uploads } from 'millrace/client/uploads';
import { describe, expect, it, onTestFinished } from 'vitest';

import { uploadServers } from './servers/upload-servers.ts';
import type { SeenFile } from './servers/upload-servers.ts';

const seen = '{ name type bytes digest }';
const put = `mutation ($file: Upload!) { put(file: $file) ${seen} }`;
const putAll = `mutation ($files: [Upload!]!) { putAll(files: $files) ${seen} }`;

const greeting = new File(['Grüße\r\n'], 'größe 1.txt', { type: 'text/markdown' });

function connect(url: string, transport = http({ uploads: uploads() })): Client {
  const client = createClient({ url, transport });
  onTestFinished(() => client.close());
  return client;
}

async function seenOf(file: File): Promise<SeenFile> {
  const bytes = new Uint8Array(await file.arrayBuffer());
  const digest = createHash('sha256').update(bytes).digest('hex');
  return { name: file.name, type: file.type, bytes: bytes.length, digest };
}

describe.each(Object.entries(uploadServers))('files to %s', (_, serve) => {
  it('arrive with name and type', async () => {
    const client = connect(await serve());

    expect(await client.mutate({ query: put, variables: { file: greeting } })).toEqual({
      data: { put: await seenOf(greeting) },
    });
  });

  it('arrive in lists, in input objects, and one in two places', async () => {
    const client = connect(await serve());
    const empty = new File([''], 'empty.bin', { type: 'image/png' });
    const { data, errors } = await client.mutate({
      query: `mutation ($files: [Upload!]!, $letter: Letter!) {
        putAll(files: $files) ${seen}
        mail(letter: $letter) ${seen}
      }`,
      variables: {
        files: [greeting, empty],
        letter: { attachments: [{ blob: empty }, { blob: greeting }] },
      },
    });
    const [first, second] = [await seenOf(greeting), await seenOf(empty)];

    expect(errors).toBe(undefined);
    expect(data).toEqual({ putAll: [first, second], mail: [second, first] });
  });

  it('arrive to the byte, as blobs and as streams', async () => {
    const client = connect(await serve());
    const bytes = randomBytes(3 * 2 ** 20);
    const digest = createHash('sha256').update(bytes).digest('hex');
    const chunks = Array.from({ length: 48 }, (__, n) =>
      bytes.subarray(n * 65_536, (n + 1) * 65_536),
    );
    const type = 'application/zip';
    const files = [
      new File([bytes], 'blob', { type }),
      new StreamedFile(Readable.from(chunks), 'größe 2', { type }),
    ];

    expect(await client.mutate({ query: putAll, variables: { files } })).toEqual({
      data: {
        putAll: [
          { name: 'blob', type, bytes: bytes.length, digest },
          { name: 'größe 2', type, bytes: bytes.length, digest },
        ],
      },
    });
  });

  it('leave operations without any as they are', async () => {
    const client = connect(await serve());

    expect(await client.mutate({ query: 'mutation { hello }' })).toEqual({
      data: { hello: 'world' },
    });
  });
});

it('a server that insists on a preflight gets one: @apollo/server', async () => {
  const url = await uploadServers['graphql-upload in front of @apollo/server']?.();
  const client = connect(String(url), http({ uploads: uploads({ preflightHeaders: {} }) }));

  expect(await client.mutate({ query: put, variables: { file: greeting } })).toEqual({
    errors: [expect.objectContaining({ message: expect.stringContaining('CSRF') as unknown })],
  });
});

it('files go with the transport of multipart responses, too: graphql-yoga', async () => {
  const url = await uploadServers['graphql-yoga']?.();
  const client = connect(String(url), multipart({ uploads: uploads() }));

  expect(await client.mutate({ query: put, variables: { file: greeting } })).toEqual({
    data: { put: await seenOf(greeting) },
  });
});
