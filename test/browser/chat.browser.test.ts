import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';

import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import {
  complaintOf,
  messagesOf,
  postTo,
  say,
  startChat,
  stopChat,
  untilStatus,
} from '../support/chat.ts';
import type { ChatServer } from '../support/chat.ts';
import { launchChromium } from '../support/chromium.ts';
import type { Chromium } from '../support/chromium.ts';

/** As long as a name can be. */
const longName = 'a-rather-long-name-of-a-room-as-they-are';
const phone = { width: 390, height: 844 };

describe('the pages of the chat', () => {
  let server: ChatServer;
  let chromium: Chromium;

  beforeAll(async () => {
    [server, chromium] = await Promise.all([startChat(), launchChromium()]);
  });
  afterEach(async () => {
    await Promise.all(chromium.context.pages().map((page) => page.close()));
  });
  afterAll(async () => {
    await chromium.close();
    await stopChat(server, 'SIGTERM');
  });

  async function open(
    path: string,
    size = { width: 1280, height: 800 },
    at: ChatServer = server,
  ): Promise<Page> {
    const page = await chromium.context.newPage();
    await page.setViewportSize(size);
    await page.goto(new URL(path, at.url).href);
    return page;
  }

  async function openRoom(name: string, size?: typeof phone): Promise<Page> {
    const page = await open(`/rooms/${name}`, size);
    await untilStatus(page, 'Live');
    return page;
  }

  it('shows in one window what is posted in the other, as text', async () => {
    const [ada, grace] = [await openRoom('two'), await openRoom('two')];
    await ada.getByLabel('Your name').fill('Ada');

    await say(ada, 'Hello <b>Grace</b>');
    await messagesOf(grace).filter({ hasText: 'Hello' }).waitFor();

    expect(await messagesOf(grace).allTextContents()).toEqual(['Hello <b>Grace</b>']);
    expect(await grace.getByRole('log').locator('.author').allTextContents()).toEqual(['Ada']);
    expect(await messagesOf(ada).allTextContents()).toEqual(['Hello <b>Grace</b>']);
  });

  it('keeps rooms apart and shows a late visitor what was said before', async () => {
    const [here, elsewhere] = [await openRoom('here'), await openRoom('elsewhere')];

    await say(here, 'Anybody here?');
    await messagesOf(here).filter({ hasText: 'Anybody' }).waitFor();
    const late = await openRoom('here');
    await messagesOf(late).filter({ hasText: 'Anybody' }).waitFor();

    expect(await messagesOf(elsewhere).count()).toBe(0);
    await expect(elsewhere.getByText('Nothing said here yet').isVisible()).resolves.toBe(true);
  });

  it('runs a subscription in GraphiQL and shows there what is posted in the room', async () => {
    const room = await openRoom('lab');
    const graphiql = await open('/graphiql?room=lab');
    const response = graphiql.locator('.graphiql-response');
    const framesSent: string[] = [];
    graphiql.on('websocket', (socket) => {
      socket.on('framesent', ({ payload }) => framesSent.push(String(payload)));
    });

    // before its editor is there the button has nothing to run
    await graphiql.locator('.graphiql-query-editor').getByText('messageAdded').waitFor();
    await graphiql.locator('.graphiql-execute-button').click();
    await expect
      .poll(() => framesSent.some((frame) => frame.includes('messageAdded')), { timeout: 20_000 })
      .toBe(true);
    await say(room, 'Seen in GraphiQL');
    await response.getByText('Seen in GraphiQL').waitFor();

    expect(await response.textContent()).toContain('messageAdded');
  });

  it('runs mutations and queries in GraphiQL, and stops a subscription there', async () => {
    const graphiql = await open('/graphiql?room=bench');
    const response = graphiql.locator('.graphiql-response');
    const run = graphiql.locator('.graphiql-execute-button');
    const framesSent: string[] = [];
    graphiql.on('websocket', (socket) => {
      socket.on('framesent', ({ payload }) => framesSent.push(String(payload)));
    });
    const openTab = async (name: string, field: string): Promise<void> => {
      await graphiql.getByRole('tab', { name }).click();
      await graphiql.locator('.graphiql-query-editor').getByText(field).waitFor();
    };

    // before its editor is there a tab has nothing to be shown in
    await graphiql.locator('.graphiql-query-editor').getByText('messageAdded').waitFor();
    await openTab('Post', 'postMessage');
    await run.click();
    await response.getByText('postMessage').waitFor();
    await openTab('History', 'messages');
    await run.click();
    await response.getByText('Hello!').waitFor();
    await openTab('Live', 'messageAdded');
    await run.click();
    await expect.poll(() => framesSent.length).toBe(2);
    await run.click();
    await expect.poll(() => framesSent.length).toBe(3);

    expect(
      framesSent.map((frame) => (JSON.parse(frame) as { readonly type: string }).type),
    ).toEqual(['connection_init', 'subscribe', 'complete']);
  });

  it.each([`/rooms/${longName}`, `/graphiql?room=${longName}`])(
    'needs no sideways scrolling of %s on a phone',
    async (path) => {
      const writer = await openRoom(longName);
      await say(writer, 'https://example.org/'.padEnd(300, 'x'));
      await messagesOf(writer).first().waitFor();
      const page = await open(path, phone);
      await page.locator('.message, .graphiql-execute-button').first().waitFor();

      const width = await page.evaluate('document.documentElement.scrollWidth');

      expect(width).toBe(phone.width);
    },
  );

  it('says that it reconnects when the server goes, and shows afterwards what it missed', async () => {
    const first = await startChat();
    const page = await open('/rooms/lost', undefined, first);
    await untilStatus(page, 'Live');

    expect(await stopChat(first, 'SIGTERM')).toBe(0);
    await untilStatus(page, 'Reconnecting');
    expect(await page.getByRole('button', { name: 'Send' }).isDisabled()).toBe(true);
    const second = await startChat({ PORT: new URL(first.url).port });
    await postTo(second, 'lost', 'Said before you were back');
    await messagesOf(page).filter({ hasText: 'Said before' }).waitFor();
    await untilStatus(page, 'Live');

    await stopChat(second, 'SIGTERM');
  });

  it('says where messages may be missing when a server that kept them in memory was killed', async () => {
    const first = await startChat();
    const page = await open('/rooms/forgotten', undefined, first);
    await untilStatus(page, 'Live');
    await say(page, 'Said to the first');
    await messagesOf(page).filter({ hasText: 'to the first' }).waitFor();

    await stopChat(first, 'SIGKILL');
    await untilStatus(page, 'Reconnecting');
    const second = await startChat({ PORT: new URL(first.url).port });
    await postTo(second, 'forgotten', 'Said to the second');
    await messagesOf(page).filter({ hasText: 'to the second' }).waitFor();
    await untilStatus(page, 'Live');

    expect(await page.getByRole('log').locator('.text, .gap').allTextContents()).toEqual([
      'Said to the first',
      'Messages may be missing here',
      'Said to the second',
    ]);
    await stopChat(second, 'SIGTERM');
  });
});

describe('the server of the chat', () => {
  it.each(['SIGINT', 'SIGTERM'] as const)('ends with code 0 on %s', async (signal) => {
    const server = await startChat();

    expect(await stopChat(server, signal)).toBe(0);
  });

  it.each([
    [{ PORT: 'abc' }, 'PORT has to be a number up to 65535, not abc'],
    [{ PORT: '70000' }, 'PORT has to be a number up to 65535, not 70000'],
    [{ REDIS_URL: 'localhost' }, 'REDIS_URL has to look like redis://127.0.0.1:6379'],
    [{ REDIS_URL: 'redis://user:secret@127.0.0.1:1' }, 'no Redis answers at 127.0.0.1:1'],
  ])('says in one line that it cannot start with %o', async (settings, reason) => {
    expect(await complaintOf(settings)).toEqual({
      code: 1,
      complaint: `Chat cannot start: ${reason}\n`,
    });
  });

  it('says in one line that its port is taken', async () => {
    const holder = createServer().listen(0);
    await once(holder, 'listening');
    const { port } = holder.address() as AddressInfo; // a TCP server has an address of this form

    const answer = await complaintOf({ PORT: String(port) });
    holder.close();

    expect(answer).toEqual({ code: 1, complaint: `Chat cannot start: port ${port} is taken\n` });
  });
});
