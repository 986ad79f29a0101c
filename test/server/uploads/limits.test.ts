import { readFileSync } from 'node:fs';

import { describe, expect, it } from 'vitest';

import { defaultUploadLimits } from '../../../src/server/uploads/upload-options.ts';
import type { UploadLimits } from 'millrace/server';

import {
  FormBody,
  formText,
  partText,
  requestParts,
  stageUploads,
  toAnswer,
} from '../../support/upload-stage.ts';

const put =
  'mutation ($a: Upload, $b: Upload) { a: put(file: $a) { text } b: put(file: $b) { text } }';
const operations = { query: put, variables: { a: null, b: null } };
const map = { 0: ['variables.a'], 1: ['variables.b'] };
const files = (a: string, b: string) => [
  { name: '0', content: a },
  { name: '1', content: b },
];

const stage = (uploads: Partial<UploadLimits>) => stageUploads(undefined, { uploads });
const exceeded = (limit: string, maximum: number, more: object = {}) => ({
  message: `uploads.${limit} of ${maximum} exceeded`,
  extensions: { code: 'UPLOAD_LIMIT_EXCEEDED', limit, maximum, ...more },
});

describe('UP-15 a limit of the request is answered with 413 before anything is executed', () => {
  it.each([
    ['fieldBytes', { fieldBytes: 50 }, exceeded('fieldBytes', 50, { field: 'operations' })],
    ['fieldBytes', { fieldBytes: 250 }, exceeded('fieldBytes', 250, { field: 'map' })],
    ['files', { files: 1 }, exceeded('files', 1)],
    ['paths', { paths: 2 }, exceeded('paths', 2)],
    ['totalBytes', { totalBytes: 300 }, exceeded('totalBytes', 300)],
  ])('%s: %o', async (_limit, uploads, error) => {
    const many = { 0: ['variables.a', 'variables.c'], 1: ['variables.b'], long: [] };
    const parts = requestParts(
      { ...operations, variables: { a: null, b: null, c: null } },
      'paths' in uploads || 'files' in uploads ? many : { ...map, ['x'.repeat(300)]: [] },
      files('a', 'b'),
    );
    const asked = stage(uploads);
    const body = new FormBody().send(formText(parts), 10).end();

    expect(toAnswer(await asked.ask(body))).toEqual({ status: 413, json: { errors: [error] } });
    await asked.clock.settle();
    expect(body.isReturned).toBe(true);
    expect(body.bytesRead).toBeLessThan(formText(parts).length);
    expect(asked.clock.timerCount).toBe(0);
  });

  it('UP-22 counts the places of all files', async () => {
    const parts = requestParts(
      { ...operations, variables: { a: Array.from({ length: 101 }, () => null) } },
      { 0: Array.from({ length: 101 }, (_, index) => `variables.a.${index}`) },
    );
    expect(await stage({}).post(parts)).toEqual({
      status: 413,
      json: { errors: [exceeded('paths', 100)] },
    });
  });

  it('totalBytes, of a body that says how long it is, before a byte is read', async () => {
    const asked = stage({ totalBytes: 1_000 });
    const body = new FormBody()
      .send(formText(requestParts(operations, map, files('a', 'b'))))
      .end();
    const headers = { 'content-length': '1001' };
    expect(toAnswer(await asked.ask(body, { headers }))).toEqual({
      status: 413,
      json: { errors: [exceeded('totalBytes', 1_000)] },
    });
    expect(body.bytesRead).toBe(0);
  });
});

describe('UP-15 a limit that files exceed while they are read is an error of theirs', () => {
  it('fileBytes: others come all the same', async () => {
    const parts = requestParts(operations, map, files('a'.repeat(11), 'b'.repeat(10)));
    expect((await stage({ fileBytes: 10 }).post(parts)).json).toMatchObject({
      data: { a: null, b: { text: 'b'.repeat(10) } },
      errors: [{ ...exceeded('fileBytes', 10), path: ['a'] }],
    });
  });

  it('fileBytes: the body is read no further if nothing else is wanted of it', async () => {
    const asked = stage({ fileBytes: 10_000 });
    const text = requestParts(operations, { 0: ['variables.a'] })
      .map(partText)
      .join('');
    const file = partText({ name: '0', fileName: 'f', content: 'a'.repeat(1_000_000) });
    const body = new FormBody().send(text).send(file, 1_000);
    expect(toAnswer(await asked.ask(body)).json).toMatchObject({
      errors: [exceeded('fileBytes', 10_000)],
    });
    expect(body.bytesRead).toBeLessThan(text.length + 13_000);
  });

  it('totalBytes: all that are left fail', async () => {
    const parts = requestParts(operations, map, files('a'.repeat(2_000), 'b'));
    const body = new FormBody().send(formText(parts), 100).end();
    expect(toAnswer(await stage({ totalBytes: 1_500 }).ask(body)).json).toMatchObject({
      data: { a: null, b: null },
      errors: [exceeded('totalBytes', 1_500), exceeded('totalBytes', 1_500)],
    });
  });

  it('files: those that nobody announced count as well', async () => {
    const parts = [
      ...requestParts(operations, map),
      ...['a', 'b', 'c'].map((name) => ({ name, fileName: name, content: 'x' })),
    ];
    expect((await stage({ files: 2 }).post(parts)).json).toMatchObject({
      errors: [exceeded('files', 2), exceeded('files', 2)],
    });
  });

  it('UP-22 bufferBytes: files in several places share what is kept for them', async () => {
    const query =
      'mutation ($a: Upload, $b: Upload, $c: Upload, $d: Upload) { a: put(file: $a) { text } b: put(file: $b) { text } c: put(file: $c) { text } d: put(file: $d) { text } }';
    const parts = requestParts(
      { query, variables: { a: null, b: null, c: null, d: null } },
      { 0: ['variables.a', 'variables.b'], 1: ['variables.c', 'variables.d'] },
      files('a'.repeat(600), 'c'.repeat(600)),
    );
    expect((await stage({ bufferBytes: 1_000 }).post(parts)).json).toMatchObject({
      data: { a: { text: 'a'.repeat(600) }, b: { text: 'a'.repeat(600) }, c: null, d: null },
      errors: [exceeded('bufferBytes', 1_000), exceeded('bufferBytes', 1_000)],
    });
  });
});

describe('uploads.completeMs', () => {
  const timeout = {
    message: 'uploads.completeMs of 120000 exceeded',
    extensions: { code: 'REQUEST_TIMEOUT', limit: 'completeMs', maximum: 120_000 },
  };

  it('is answered with 408 if the form does not say by then what to do', async () => {
    const asked = stage({});
    const response = asked.ask(new FormBody().send('--b0und\r\n'));
    await asked.clock.advance(120_000);
    const answered = await response;
    expect(toAnswer(answered)).toEqual({ status: 408, json: { errors: [timeout] } });
    expect(answered.headers).toMatchObject({ connection: 'close' });
    expect(asked.clock.timerCount).toBe(0);
  });

  it('is the error of files that are not there by then', async () => {
    const asked = stage({});
    const body = new FormBody().send(
      requestParts(operations, map, [{ name: '0', content: 'a' }])
        .map(partText)
        .join(''),
    );
    const response = asked.ask(body);
    await asked.clock.advance(120_000);
    expect(toAnswer(await response).json).toMatchObject({
      data: { b: null },
      errors: [timeout, timeout],
    });
    expect(asked.clock.timerCount).toBe(0);
  });

  it('is no limit if it is Infinity', async () => {
    const asked = stage({ completeMs: Infinity });
    const body = new FormBody().send('--b0und\r\n');
    const response = asked.ask(body);
    await asked.clock.advance(1e9);
    expect(asked.clock.timerCount).toBe(0);
    body.end();
    expect((await response).status).toBe(400);
  });

  it('lets an HTTP server wait longer for a request', () => {
    expect(stageUploads(undefined, { uploads: false }).server.longestBodyMs).toBe(10_000);
    expect(stageUploads().server.longestBodyMs).toBe(120_000);
  });
});

it('docs/limits.md names every limit of uploads with its default', () => {
  const page = readFileSync(new URL('../../../docs/limits.md', import.meta.url), 'utf8');
  const section = page.split('\n## ').find((text) => text.startsWith('Uploads')) ?? '';
  const rows = [...section.matchAll(/^\| `(\w+)` +\| ([\d,]+)/gm)];
  expect(
    Object.fromEntries(rows.map(([, name, value]) => [name, Number(value?.replaceAll(',', ''))])),
  ).toEqual(defaultUploadLimits);
});
