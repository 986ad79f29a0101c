import express from 'express';
import express4 from 'express-4';
import type { Server } from 'millrace/server';
import { createServer } from 'millrace/server';
import { expect, it, onTestFinished } from 'vitest';

import type { Served } from '../support/adapter-stage.ts';
import { serveExpress } from '../support/serve-express.ts';
import { serveFastify } from '../support/serve-fastify.ts';
import { uploadSchema } from '../support/upload-stage.ts';

const frameworks: readonly (readonly [string, (server: Server) => Promise<Served>])[] = [
  ['Fastify', (server) => serveFastify(server)],
  ['Express 5', (server) => serveExpress(server, express().use(express.json()))],
  ['Express 4', (server) => serveExpress(server, express4().use(express4.json()))],
];

it.each(frameworks)('a file comes through %s piece by piece', async (_name, serve) => {
  const server = createServer({
    schema: uploadSchema(async (file) => {
      let bytes = 0;
      for await (const chunk of (await file).stream()) bytes += chunk.length;
      return bytes;
    }),
    uploads: { bufferBytes: 10_000 },
  });
  const served = await serve(server);
  onTestFinished(() => served.close());
  const form = new FormData();
  const query = 'mutation ($file: Upload) { act(file: $file) }';
  form.append('operations', JSON.stringify({ query, variables: { file: null } }));
  form.append('map', '{"0":["variables.file"]}');
  form.append('0', new Blob([new Uint8Array(3_000_000)]), 'zeros');

  const headers = { 'graphql-require-preflight': '1' };
  const answer = await fetch(served.url, { method: 'POST', headers, body: form });

  expect(await answer.json()).toEqual({ data: { act: '3000000' } });
});
