import { once } from 'node:events';
import type { Server as HttpServer } from 'node:http';
import { connect, createSecureServer, createServer as createHttp2Server } from 'node:http2';
import type { ClientHttp2Session, IncomingHttpHeaders, ServerOptions } from 'node:http2';
import type { AddressInfo } from 'node:net';

import { attach } from 'millrace/adapters/node';
import { createServer } from 'millrace/server';
import { describe, expect, it, onTestFinished } from 'vitest';
import { WebSocket } from 'ws';

import { certificate } from '../support/certificate.ts';
import { createFixtureApp } from '../support/fixture-app.ts';

/** A client of a server that is attached to an HTTP/2 server of the application. */
async function serve(options: ServerOptions = {}): Promise<ClientHttp2Session> {
  const { schema, broker } = createFixtureApp();
  const http2Server = createHttp2Server(options);
  // of the HTTP server only listeners are used, and the compatibility API of node:http2 has those
  const attachment = attach(createServer({ schema, broker }), http2Server as unknown as HttpServer);
  await new Promise<void>((resolve) => void http2Server.listen(0, '127.0.0.1', resolve));
  const { port } = http2Server.address() as AddressInfo; // it listens on a port
  const session = connect(`http://127.0.0.1:${port}`);
  await once(session, 'remoteSettings');
  onTestFinished(async () => {
    session.destroy();
    await attachment.close();
    await new Promise((resolve) => void http2Server.close(resolve));
  });
  return session;
}

async function ask(
  session: ClientHttp2Session,
  headers: Record<string, string>,
): Promise<{ readonly status: unknown; readonly text: string }> {
  const stream = session.request(headers);
  stream.setEncoding('utf8');
  stream.end();
  const [answer] = (await once(stream, 'response')) as [IncomingHttpHeaders];
  return { status: answer[':status'], text: (await stream.toArray()).join('') };
}

const hello = { ':path': '/graphql?query={hello}', accept: 'application/json' };

it('a port of HTTP/2 that speaks HTTP/1.1, too, has streams over the one and WebSockets over the other', async () => {
  const { schema, broker } = createFixtureApp();
  const http2Server = createSecureServer({ ...certificate, allowHTTP1: true });
  const attachment = attach(createServer({ schema, broker }), http2Server as unknown as HttpServer); // as above
  await new Promise<void>((resolve) => void http2Server.listen(0, '127.0.0.1', resolve));
  const { port } = http2Server.address() as AddressInfo; // as above
  const session = connect(`https://127.0.0.1:${port}`, { ca: certificate.cert });
  const webSocket = new WebSocket(`wss://127.0.0.1:${port}/graphql`, 'graphql-transport-ws', {
    ca: certificate.cert,
  });
  onTestFinished(async () => {
    session.destroy();
    webSocket.terminate();
    await attachment.close();
    await new Promise((resolve) => void http2Server.close(resolve));
  });

  const streamed = await ask(session, {
    ':path': '/graphql?query=subscription{countdown(from:1)}',
    accept: 'text/event-stream',
  });
  await once(webSocket, 'open');
  webSocket.send('{"type":"connection_init"}');
  const [acknowledged] = (await once(webSocket, 'message')) as [Buffer];

  expect(streamed.text).toContain('event: next\ndata: {"data":{"countdown":1}}');
  expect(JSON.parse(acknowledged.toString())).toMatchObject({ type: 'connection_ack' });
});

describe('WebSockets over HTTP/2', () => {
  it('are not announced: clients do not try, and take HTTP/1.1', async () => {
    const session = await serve();

    expect(session.remoteSettings.enableConnectProtocol ?? false).toBe(false);
    expect(await ask(session, hello)).toMatchObject({ status: 200 });
  });

  it.each(['websocket', 'connect-udp'])(
    'WS-51: are refused where an application announces them for others (%s), and so is that stream alone',
    async (protocol) => {
      const session = await serve({ settings: { enableConnectProtocol: true } });
      const extended = { ':method': 'CONNECT', ':protocol': protocol, ':path': '/graphql' };

      const refused = await ask(session, extended);

      expect(refused).toEqual({ status: 405, text: '' });
      expect(await ask(session, hello)).toMatchObject({ status: 200 });
    },
  );
});
