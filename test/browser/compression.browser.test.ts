import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import { attach } from 'millrace/adapters/node';
import { createServer } from 'millrace/server';
import { expect, it, onTestFinished } from 'vitest';

import { launchChromium } from '../support/chromium.ts';
import { createFixtureApp } from '../support/fixture-app.ts';

/** A page that subscribes, and keeps what it hears in `seen`. */
const page = /* HTML */ `<!doctype html>
  <meta charset="utf-8" />
  <title>Compression</title>
  <script>
    const seen = [];
    const socket = new WebSocket('ws://' + location.host + '/graphql', 'graphql-transport-ws');
    const query = 'subscription { message(room: "r") { text } }';
    // long enough that the browser compresses it
    const padding = ' '.repeat(4000);
    const send = (message) => socket.send(JSON.stringify(message) + padding);
    socket.onopen = () => send({ type: 'connection_init' });
    socket.onclose = ({ code }) => seen.push(code);
    socket.onmessage = ({ data }) => {
      const message = JSON.parse(data);
      if (message.type === 'connection_ack')
        send({ id: '1', type: 'subscribe', payload: { query } });
      else seen.push(message.payload.data.message.text);
    };
  </script>`;

it('Chromium offers compression, gets it, and reads what was compressed', async () => {
  const app = createFixtureApp();
  const server = createServer({ schema: app.schema, broker: app.broker, compression: true });
  const httpServer = createHttpServer((_, response) => {
    response.setHeader('content-type', 'text/html; charset=utf-8').end(page);
  });
  const attachment = attach(server, httpServer);
  await once(httpServer.listen(0, '127.0.0.1'), 'listening');
  const { port } = httpServer.address() as AddressInfo; // it listens on a port
  const chromium = await launchChromium();
  onTestFinished(async () => {
    await chromium.close();
    await attachment.close();
    httpServer.close();
  });
  const long = 'Straße ✓ 🚰 and so on '.repeat(100);
  const texts = [long, 'short', long.repeat(20), `${long}!`];
  const opened = await chromium.context.newPage();
  await opened.goto(`http://127.0.0.1:${port}/`);
  await expect.poll(() => app.openSources()).toBe(1);

  for (const text of texts) await app.publish('r', text);

  await opened.waitForFunction(`seen.length === ${texts.length}`);
  expect(await opened.evaluate('seen')).toEqual(texts);
  expect(await opened.evaluate('socket.extensions')).toContain('permessage-deflate');
  expect(server.counters().compressedResults).toBe(3);
});
