import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { ApolloClient, InMemoryCache, gql } from '@apollo/client';
import { Client, fetchExchange } from '@urql/core';
import UploadHttpLink from 'apollo-upload-client/UploadHttpLink.mjs';
import { listen } from 'millrace/adapters/node';
import { createServer } from 'millrace/server';
import { describe, expect, it, onTestFinished } from 'vitest';

import { uploadSchema } from '../support/upload-stage.ts';

/** What every client is asked to do: a file under two places, and two files in a list. */
const putTwice =
  'mutation ($a: Upload, $b: Upload) { a: put(file: $a) { name type text } b: put(file: $b) { text } }';
const putAll = 'mutation ($files: [Upload]) { putAll(files: $files) { name text } }';
const preflight = { 'graphql-require-preflight': '1' };

const greeting = (): File => new File(['Grüße\r\n'], 'größe.txt', { type: 'text/markdown' });

async function serve(): Promise<string> {
  const server = createServer({ schema: uploadSchema(), uploads: true });
  const running = await listen(server, { port: 0, host: '127.0.0.1' });
  onTestFinished(() => running.close());
  return running.url;
}

type Ask = (url: string, query: string, variables: Record<string, unknown>) => Promise<unknown>;

const clients: Readonly<Record<string, Ask>> = {
  async 'apollo-upload-client'(uri, mutation, variables) {
    const link = new UploadHttpLink({ uri, headers: preflight });
    const client = new ApolloClient({ link, cache: new InMemoryCache() });
    onTestFinished(() => client.stop());
    const { data } = await client.mutate({ mutation: gql(mutation), variables });
    return data;
  },
  async urql(url, query, variables) {
    const exchanges = [fetchExchange];
    const client = new Client({ url, exchanges, fetchOptions: { headers: preflight } });
    const { data, error } = await client.mutation(query, variables).toPromise();
    if (error) throw error;
    return data;
  },
};

describe.each(Object.entries(clients))('%s', (_name, ask) => {
  it('sends one file for two places', async () => {
    const file = greeting();
    const { a, b } = (await ask(await serve(), putTwice, { a: file, b: file })) as {
      readonly a: unknown;
      readonly b: unknown;
    };
    expect(a).toMatchObject({ name: 'größe.txt', type: 'text/markdown', text: 'Grüße\r\n' });
    expect(b).toMatchObject({ text: 'Grüße\r\n' });
  });

  it('sends a list of files', async () => {
    const files = [greeting(), new File([''], 'a "b".txt')];
    expect(await ask(await serve(), putAll, { files })).toMatchObject({
      putAll: [
        { name: 'größe.txt', text: 'Grüße\r\n' },
        { name: 'a "b".txt', text: '' },
      ],
    });
  });

  it('sends JSON where there is no file', async () => {
    expect(await ask(await serve(), 'mutation { hello }', {})).toMatchObject({ hello: 'world' });
  });
});

async function curl(url: string, ...options: readonly string[]): Promise<unknown> {
  const child = spawn('curl', ['--silent', '--max-time', '20', url, ...options]);
  onTestFinished(() => void child.kill());
  const closed = once(child, 'close');
  let printed = '';
  for await (const piece of child.stdout.setEncoding('utf8')) printed += String(piece);
  expect(await closed).toEqual([0, null]);
  return JSON.parse(printed);
}

async function createFile(name: string, content: string): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'millrace-uploads-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const whole = path.join(folder, name);
  await writeFile(whole, content);
  return whole;
}

describe('curl', () => {
  const operations = JSON.stringify({ query: putTwice, variables: { a: null, b: null } });

  it('sends files with -F', async () => {
    const first = await createFile('first "1".txt', 'first');
    const second = await createFile('second.png', 'second');
    expect(
      await curl(
        await serve(),
        '-Hgraphql-require-preflight: 1',
        `-Foperations=${operations}`,
        '-Fmap={"0":["variables.a"],"1":["variables.b"]}',
        `-F0=@"${first.replaceAll('"', String.raw`\"`)}"`,
        `-F1=@${second};type=image/png`,
      ),
    ).toEqual({
      data: {
        a: { name: 'first "1".txt', type: 'text/plain', text: 'first' },
        b: { text: 'second' },
      },
    });
  });

  it('says of its fields that they are JSON, if it is told to', async () => {
    const only = await createFile('only', 'x'.repeat(300_000));
    expect(
      await curl(
        await serve(),
        '-HApollo-Require-Preflight: true',
        `-Foperations=${operations};type=application/json`,
        '-Fmap={"0":["variables.a", "variables.b"]};type=application/json',
        `-F0=@${only}`,
      ),
    ).toMatchObject({ data: { b: { text: 'x'.repeat(300_000) } } });
  });

  it('is told what is missing', async () => {
    expect(await curl(await serve(), '-Foperations={}', '-Fmap={}')).toMatchObject({
      errors: [{ extensions: { code: 'CROSS_SITE_REQUEST' } }],
    });
  });
});
