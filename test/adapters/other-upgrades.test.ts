import { createServer as createHttpServer } from 'node:http';
import type { Server } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { connect } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { connect as connectOverTls } from 'node:tls';

import { attach } from 'millrace/adapters/node';
import { createServer } from 'millrace/server';
import { expect, it, onTestFinished } from 'vitest';

import { certificate } from '../support/certificate.ts';
import { createFixtureApp } from '../support/fixture-app.ts';

/** What Java's HttpClient sends along with its first request over plain HTTP. */
const h2c = [
  'connection: Upgrade, HTTP2-Settings',
  'upgrade: h2c',
  'http2-settings: AAEAAEAAAAIAAAAA',
] as const;

async function serve(
  httpServer: Server = createHttpServer((request, response) => {
    if (request.url === '/other') response.end('another route');
  }),
): Promise<number> {
  const { schema, broker } = createFixtureApp();
  const attachment = attach(createServer({ schema, broker }), httpServer);
  await new Promise<void>((resolve) => httpServer.listen(0, '127.0.0.1', resolve));
  const { port } = httpServer.address() as AddressInfo; // a port, not a pipe
  onTestFinished(async () => {
    await attachment.close();
    httpServer.closeAllConnections();
    httpServer.close();
  });
  return port;
}

/** Sends requests over one connection and returns what comes, until it contains all of `awaited`. */
function converse(
  socket: Socket,
  requests: readonly string[],
  awaited: readonly string[],
): Promise<string> {
  return new Promise((resolve, reject) => {
    socket.write(requests.join(''));
    onTestFinished(() => void socket.destroy());
    let received = '';
    socket.setEncoding('utf8');
    socket.on('data', (text: string) => {
      received += text;
      if (awaited.every((each) => received.includes(each))) resolve(received);
    });
    socket.on('close', () => resolve(received));
    socket.on('error', reject);
  });
}

function toRequest(line: string, headers: readonly string[], body = ''): string {
  return [line, 'host: localhost', ...headers, `content-length: ${body.length}`, '', body].join(
    '\r\n',
  );
}

it('a request that offers to go on in HTTP/2 is answered as if it did not, body and connection included', async () => {
  const port = await serve();
  const post = ['content-type: application/json'];
  const body = JSON.stringify({ query: '{ hello }' });

  const received = await converse(
    connect(port, '127.0.0.1'),
    [
      toRequest('POST /graphql HTTP/1.1', [...post, ...h2c], body),
      toRequest('POST /graphql HTTP/1.1', post, body),
    ],
    ['"world"}}HTTP/1.1', '"world"}}'],
  );

  expect(received.match(/^HTTP\/1.1 200/gm)).toHaveLength(1);
  expect(received.match(/HTTP\/1.1 200/g)).toHaveLength(2);
});

it('such a request for another path reaches whoever answers there', async () => {
  const port = await serve();

  const received = await converse(
    connect(port, '127.0.0.1'),
    [toRequest('GET /other HTTP/1.1', h2c)],
    ['another route'],
  );

  expect(received).toMatch(/^HTTP\/1.1 200/);
});

it('such a request whose head Node may have cut is refused: nobody knows where its body ends', async () => {
  const port = await serve();
  const many = Array.from({ length: 1_100 }, () => 'a: b');
  const body = 'GET /other HTTP/1.1\r\nhost: localhost\r\n\r\n';

  const received = await converse(
    connect(port, '127.0.0.1'),
    [toRequest('POST /graphql HTTP/1.1', [...h2c, ...many], body)],
    ['another route'],
  );

  expect(received).toMatch(/^HTTP\/1.1 431/);
  expect(received).not.toContain('another route');
});

it('such a request over TLS is answered over the same TLS', async () => {
  const port = await serve(createHttpsServer(certificate));
  const body = JSON.stringify({ query: '{ hello }' });

  const received = await converse(
    connectOverTls({ port, host: '127.0.0.1', rejectUnauthorized: false }),
    [toRequest('POST /graphql HTTP/1.1', ['content-type: application/json', ...h2c], body)],
    ['"world"'],
  );

  expect(received).toMatch(/^HTTP\/1.1 200/);
});
