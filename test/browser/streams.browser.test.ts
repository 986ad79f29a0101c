import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import type { Server as HttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import { attach } from 'millrace/adapters/node';
import { createServer } from 'millrace/server';
import type { ServerOptions } from 'millrace/server';
import { startTcpProxy } from 'millrace/testing/node';
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, it, onTestFinished } from 'vitest';

import { launchChromium } from '../support/chromium.ts';
import type { Chromium } from '../support/chromium.ts';
import { createFixtureApp } from '../support/fixture-app.ts';
import type { FixtureApp } from '../support/fixture-app.ts';

/** What pages do here: they keep what they see in `seen`, for the test to read. */
const pageScript = /* JavaScript */ `
  const seen = [];
  const urlOf = (query, origin = '') => origin + '/graphql?' + new URLSearchParams({ query });

  function listen(query, origin) {
    const source = new EventSource(urlOf(query, origin));
    for (const type of ['open', 'message', 'next', 'complete']) {
      source.addEventListener(type, ({ data }) => seen.push([type, data]));
    }
    source.addEventListener('complete', () => source.close());
    source.addEventListener('error', () => {
      seen.push(['error', source.readyState === EventSource.CLOSED ? 'for good' : 'tries again']);
    });
    return source;
  }

  async function read(query, accept, signal) {
    const response = await fetch('/graphql', {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept },
      body: JSON.stringify({ query }),
      signal,
    });
    seen.push([response.status, response.headers.get('content-type')]);
    const chunks = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const { done, value } = await chunks.read();
      if (done) return seen.push('end');
      seen.push(value);
    }
  }
`;

const page = `<!doctype html><meta charset="utf-8"><title>Streams</title><script>${pageScript}</script>`;

/** A program that serves a page of its own beside GraphQL, on one origin. */
interface Site {
  readonly app: FixtureApp;
  readonly port: number;
  readonly origin: string;
  close(): Promise<void>;
}

let chromium: Chromium;

beforeAll(async () => {
  chromium = await launchChromium();
});
afterEach(async () => {
  await Promise.all(chromium.context.pages().map((opened) => opened.close()));
});
afterAll(() => chromium.close());

async function serveSite(port = 0, options: Partial<ServerOptions> = {}): Promise<Site> {
  const app = createFixtureApp();
  const httpServer = createHttpServer((_, response) => {
    response.setHeader('content-type', 'text/html; charset=utf-8').end(page);
  });
  const server = createServer({ schema: app.schema, broker: app.broker, ...options });
  const attachment = attach(server, httpServer);
  await once(httpServer.listen(port, '127.0.0.1'), 'listening');
  const close = async (): Promise<void> => {
    await attachment.close();
    await stop(httpServer);
  };
  onTestFinished(close);
  const { port: bound } = httpServer.address() as AddressInfo; // it listens on a TCP port
  return { app, port: bound, origin: `http://127.0.0.1:${bound}`, close };
}

async function stop(httpServer: HttpServer): Promise<void> {
  if (!httpServer.listening) return;
  const closed = once(httpServer, 'close');
  httpServer.close();
  httpServer.closeAllConnections();
  await closed;
}

async function visit({ origin }: Site): Promise<Page> {
  const opened = await chromium.context.newPage();
  await opened.goto(origin);
  return opened;
}

/** Resolves once exactly `count` sources are open. */
function sources({ app }: Site, count: number): Promise<void> {
  return expect.poll(() => app.openSources(), { timeout: 10_000, interval: 5 }).toBe(count);
}

/** What a page has seen, once that is at least `count` things. */
async function seenBy(opened: Page, count: number): Promise<unknown> {
  await opened.waitForFunction(`seen.length >= ${count}`, undefined, { timeout: 10_000 });
  return opened.evaluate('seen');
}

const roomSubscription = 'subscription { message(room: "a") { text } }';

function messageOf(text: string): string {
  return `{"data":{"message":{"text":"${text}"}}}`;
}

it('fires an event of EventSource for each result, and one for the end', async () => {
  const site = await serveSite();
  const opened = await visit(site);

  await opened.evaluate(`void listen('subscription { countdown(from: 2) }')`);

  expect(await seenBy(opened, 4)).toEqual([
    ['open', undefined],
    ['next', '{"data":{"countdown":2}}'],
    ['next', '{"data":{"countdown":1}}'],
    ['complete', ''],
  ]);
  await sources(site, 0);
});

it('fires an event of EventSource when something is published', async () => {
  const site = await serveSite();
  const opened = await visit(site);

  await opened.evaluate(`void listen(${JSON.stringify(roomSubscription)})`);
  await sources(site, 1);
  for (const [index, text] of ['one', 'Straße ✓ 🚰'].entries()) {
    await site.app.publish('a', text);
    expect(await seenBy(opened, index + 2)).toContainEqual(['next', messageOf(text)]);
  }
});

it('reports why an operation of EventSource is refused, and ends', async () => {
  const opened = await visit(await serveSite());

  await opened.evaluate(`void listen('{ nope }')`);

  expect(await seenBy(opened, 3)).toEqual([
    ['open', undefined],
    ['next', expect.stringContaining('Cannot query field \\"nope\\"')],
    ['complete', ''],
  ]);
});

it('ends a mutation of EventSource for good, without executing it', async () => {
  const site = await serveSite();
  const [opened, witness] = [await visit(site), await visit(site)];
  await witness.evaluate(`void listen(${JSON.stringify(roomSubscription)})`);
  await sources(site, 1);

  await opened.evaluate(`void listen('mutation { post(room: "a", text: "by GET") }')`);

  expect(await seenBy(opened, 1)).toEqual([['error', 'for good']]);
  await site.app.publish('a', 'later');
  expect(await seenBy(witness, 2)).toEqual([
    ['open', undefined],
    ['next', messageOf('later')],
  ]);
});

it.each([
  ['closes its EventSource', (opened: Page) => opened.evaluate('void source.close()')],
  ['is left', (opened: Page) => opened.goto('about:blank')],
  ['is closed', (opened: Page) => opened.close()],
])('stops the source when the page %s', async (_, leave) => {
  const site = await serveSite();
  const opened = await visit(site);
  await opened.evaluate(`void (globalThis.source = listen(${JSON.stringify(roomSubscription)}))`);
  await sources(site, 1);

  await leave(opened);

  await sources(site, 0);
  expect(site.app.broker.readerCount).toBe(0);
});

it('serves an EventSource again that lost its server, from the events of then on', async () => {
  const site = await serveSite();
  const opened = await visit(site);
  await opened.evaluate(`void listen(${JSON.stringify(roomSubscription)})`);
  await sources(site, 1);
  await site.app.publish('a', 'before');
  await seenBy(opened, 2);

  await site.close();
  const successor = await serveSite(site.port);
  await sources(successor, 1);
  await successor.app.publish('a', 'after');

  expect(await seenBy(opened, 5)).toEqual([
    ['open', undefined],
    ['next', messageOf('before')],
    ['error', 'tries again'],
    ['open', undefined],
    ['next', messageOf('after')],
  ]);
});

it('refuses an EventSource of a page of another site', async () => {
  const site = await serveSite();
  const opened = await chromium.context.newPage();
  await opened.goto(`http://localhost:${site.port}`);

  const query = JSON.stringify(roomSubscription);
  await opened.evaluate(`void listen(${query}, ${JSON.stringify(site.origin)})`);

  expect(await seenBy(opened, 1)).toEqual([['error', 'for good']]);
  expect(site.app.openSources()).toBe(0);
});

it.each([
  [
    'an event stream',
    {
      accept: 'text/event-stream',
      contentType: 'text/event-stream',
      opening: ':\n\n',
      event: (text: string) => `event: next\ndata: ${messageOf(text)}\n\n`,
    },
  ],
  [
    'a multipart body',
    {
      accept: 'multipart/mixed;subscriptionSpec=1.0, application/json',
      contentType: 'multipart/mixed;boundary=graphql;subscriptionSpec=1.0',
      opening: '\r\n--graphql\r\ncontent-type: application/json\r\n\r\n{}\r\n--graphql',
      event: (text: string) =>
        `\r\ncontent-type: application/json\r\n\r\n{"payload":${messageOf(text)}}\r\n--graphql`,
    },
  ],
])(
  'gives fetch each event of %s when it happens, and lets go when it is aborted',
  async (_, { accept, contentType, opening, event }) => {
    const site = await serveSite(0, { resume: false });
    const opened = await visit(site);

    await opened.evaluate(`
      globalThis.controller = new AbortController();
      void read(${JSON.stringify(roomSubscription)}, ${JSON.stringify(accept)}, controller.signal)
        .catch(({ name }) => seen.push(name));
    `);
    expect(await seenBy(opened, 2)).toEqual([[200, contentType], opening]);
    await sources(site, 1);
    await site.app.publish('a', 'one');
    expect(await seenBy(opened, 3)).toContain(event('one'));
    await site.app.publish('a', 'two');
    expect(await seenBy(opened, 4)).toContain(event('two'));

    await opened.evaluate('void controller.abort()');
    await sources(site, 0);
    expect(await seenBy(opened, 5)).toContain('AbortError');
  },
);

it('EventSource goes on behind the last event after a lost connection, without any code', async () => {
  const site = await serveSite();
  const proxy = await startTcpProxy({ port: site.port });
  onTestFinished(() => proxy.close());
  const opened = await visit({ ...site, origin: `http://127.0.0.1:${proxy.port}` });
  await opened.evaluate(`void listen('subscription { message(room: "r") { text } }')`);
  await sources(site, 1);
  await site.app.publish('r', 'one');
  await seenBy(opened, 2);

  proxy.reset();
  await seenBy(opened, 3);
  await site.app.publish('r', 'two');
  await site.app.publish('r', 'three');

  expect(await seenBy(opened, 6)).toEqual([
    ['open', undefined],
    message('one'),
    ['error', 'tries again'],
    ['open', undefined],
    message('two'),
    message('three'),
  ]);
});

function message(text: string): readonly string[] {
  return ['next', JSON.stringify({ data: { message: { text } } })];
}
