import { once } from 'node:events';
import { connect } from 'node:http2';

import { describe, expect, it, onTestFinished } from 'vitest';

import { sendHttp } from '../support/http-client.ts';
import type { HttpReceived, HttpSent } from '../support/http-client.ts';
import { connectSocket } from '../support/socket-client.ts';
import { serveBehind } from './support/serve-behind.ts';
import { documentedSetups } from './support/setups.ts';

const query = encodeURIComponent('{ hello }');
const mutation = 'mutation { post(room: "lobby", text: "hi") }';

const requests: readonly (HttpSent & { readonly title: string })[] = [
  { title: 'a query by POST', body: { query: '{ hello }' } },
  { title: 'a query by GET', method: 'GET', path: `/graphql?query=${query}` },
  { title: 'a mutation', body: { query: mutation } },
  {
    title: 'a mutation by GET',
    method: 'GET',
    path: `/graphql?query=${encodeURIComponent(mutation)}`,
  },
  { title: 'a query with a field error', body: { query: '{ fails }' } },
  { title: 'an invalid document', body: { query: '{ unknown }' } },
  { title: 'a body that is not JSON', body: '{' },
  { title: 'a media type that is not served', headers: { accept: 'text/html' } },
  {
    title: 'a subscription that accepts no stream',
    body: { query: 'subscription { countdown(from: 1) }' },
  },
  { title: 'an unknown stream token', headers: { 'x-graphql-event-stream-token': 'unknown' } },
  {
    title: 'a finite subscription over SSE',
    body: { query: 'subscription { countdown(from: 3) }' },
    headers: { accept: 'text/event-stream' },
  },
  {
    title: 'a finite subscription over multipart',
    body: { query: 'subscription { countdown(from: 3) }' },
    headers: { accept: 'multipart/mixed;subscriptionSpec=1.0' },
  },
];

describe.each(documentedSetups)('behind $name', (setup) => {
  it.each(requests)('$title is answered as without a proxy', async ({ title: _title, ...sent }) => {
    const { server, url } = await serveBehind(setup);

    const answers = [await sendHttp(server.httpUrl, sent), await sendHttp(url, sent)];

    const [direct, proxied] = answers.map(({ status, headers, text }) => ({
      status,
      type: headers['content-type'],
      vary: headers['vary'],
      allow: headers['allow'],
      cacheControl: headers['cache-control'],
      text,
    }));
    expect(proxied).toEqual(direct);
  });

  it('a megabyte comes and goes whole', async () => {
    const { url } = await serveBehind(setup);
    const text = 'large '.repeat(170_000);

    const { json } = await sendHttp(url, {
      body: { query: 'query ($text: String!) { echo(text: $text) }', variables: { text } },
    });

    expect(json).toEqual({ data: { echo: text } });
  });

  it('a page of the public origin may connect with its cookies, a page of another may not', async () => {
    const { url } = await serveBehind(setup);
    const upgrade = (origin: string): Promise<unknown> =>
      connectSocket(url, ['graphql-transport-ws'], { cookie: 'session=1', origin }).then(
        ({ socket }) => {
          onTestFinished(() => socket.terminate());
          return socket.protocol;
        },
        (error: unknown) => error,
      );

    expect(await upgrade(new URL(url).origin)).toBe('graphql-transport-ws');
    expect(await upgrade('http://elsewhere.example')).toMatchObject({
      message: 'Unexpected server response: 403',
    });
  });

  it('a server that is down is a bad gateway, and works once it is up', async () => {
    const { server, url } = await serveBehind(setup);
    await server.close();

    expect([502, 503]).toContain((await ask(url)).status);
    await server.startSuccessor();

    expect((await ask(url)).json).toEqual({ data: { hello: 'world' } });
  });

  it('one connection of a client that speaks HTTP/2 carries fifty streams', async () => {
    const { server, url } = await serveBehind(setup, { clientsSpeak: 'h2' });
    const session = connect(new URL(url).origin);
    onTestFinished(() => session.destroy());
    const streams = Array.from({ length: 50 }, () => {
      const stream = session.request({
        ':method': 'POST',
        ':path': '/graphql',
        'content-type': 'application/json',
        accept: 'text/event-stream',
      });
      stream.end(JSON.stringify({ query: 'subscription { message(room: "lobby") { text } }' }));
      return stream.setEncoding('utf8');
    });
    await server.sources(streams.length);
    const events = streams.map(async (stream) => {
      let received = '';
      while (!received.includes('"text":"to all"')) {
        const [text] = (await once(stream, 'data')) as [string];
        received += text;
      }
    });

    await server.app.publish('lobby', 'to all');

    await expect(Promise.all(events)).resolves.toHaveLength(streams.length);
  });
});

function ask(url: string): Promise<HttpReceived> {
  return sendHttp(url, { body: { query: '{ hello }' } });
}
