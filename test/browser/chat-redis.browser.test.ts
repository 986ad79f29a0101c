import type { Page } from 'playwright-core';
import { createClient } from 'redis';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, onTestFinished } from 'vitest';

import { messagesOf, postTo, startChat, stopChat, untilStatus } from '../support/chat.ts';
import type { ChatServer } from '../support/chat.ts';
import { launchChromium } from '../support/chromium.ts';
import type { Chromium } from '../support/chromium.ts';
import { RedisServer, shareRedis } from '../support/redis-server.ts';
import type { RedisShare } from '../support/redis-server.ts';

let redis: RedisShare;
let chromium: Chromium;
/** What the windows look at, and what is killed. */
let server: ChatServer;
/** Another process on the same Redis. */
let other: ChatServer;

beforeAll(async () => {
  [redis, chromium] = await Promise.all([shareRedis(), launchChromium()]);
});
beforeEach(async () => {
  [server, other] = await Promise.all([start(), start()]);
});
afterEach(async () => {
  await Promise.all(chromium.context.pages().map((page) => page.close()));
  await Promise.all([server, other].map((each) => stopChat(each, 'SIGTERM')));
});
afterAll(async () => {
  await chromium.close();
  await redis.close();
});

it('shows every message once and in order in two windows whose server was killed while others spoke', async () => {
  const windows = [await openWindow('crash'), await openWindow('crash')] as const;
  const said: string[] = [];
  const speak = async (count: number): Promise<void> => {
    for (let i = 0; i < count; i += 1) {
      const text = `message ${said.length}`;
      await postTo(other, 'crash', text);
      said.push(text);
    }
  };

  await speak(10);
  const during = speak(20);
  await messagesOf(windows[0].page).nth(10).waitFor();
  await stopChat(server, 'SIGKILL');
  await during;
  await Promise.all(windows.map(({ page }) => untilStatus(page, 'Reconnecting')));
  await speak(10);
  const afterwards = speak(20);
  server = await restart();
  await afterwards;
  await Promise.all(windows.map(({ page }) => untilStatus(page, 'nothing missed')));
  await speak(5);
  await Promise.all(
    windows.map(({ page }) =>
      messagesOf(page)
        .nth(said.length - 1)
        .waitFor(),
    ),
  );

  for (const { page, received } of windows) {
    expect(await messagesOf(page).allTextContents()).toEqual(said);
    // not by asking for the history again: the subscription itself went on, with nothing twice
    expect(received.filter(isHistory)).toHaveLength(1);
    expect(received.flatMap(recovered)).toEqual([true]);
    expect(received.flatMap(liveText)).toEqual(said);
  }
});

it('shows a new window what was said before the server was killed', async () => {
  await postTo(server, 'kept', 'one');
  await postTo(other, 'kept', 'two');
  await stopChat(server, 'SIGKILL');
  server = await restart();

  const { page } = await openWindow('kept');
  await messagesOf(page).nth(1).waitFor();

  expect(await messagesOf(page).allTextContents()).toEqual(['one', 'two']);
});

it('asks for the history when the subscription cannot go on, and says then that nothing is missing', async () => {
  const { page, received } = await openWindow('gap');
  await postTo(other, 'gap', 'before');
  await messagesOf(page).filter({ hasText: 'before' }).waitFor();

  await stopChat(server, 'SIGKILL');
  await untilStatus(page, 'Reconnecting');
  await postTo(other, 'gap', 'meanwhile');
  await forgetResumeKey();
  server = await restart();
  await untilStatus(page, 'Live');
  await messagesOf(page).filter({ hasText: 'meanwhile' }).waitFor();

  expect(received.flatMap(recovered)).toEqual([false]);
  expect(await page.getByRole('log').locator('.text, .gap').allTextContents()).toEqual([
    'before',
    'meanwhile',
  ]);
});

it('follows a room again once Redis is back', async () => {
  const ownRedis = await RedisServer.start('append-only');
  onTestFinished(() => ownRedis.close());
  const chat = await startChat({ REDIS_URL: ownRedis.url });
  onTestFinished(async () => {
    await stopChat(chat, 'SIGKILL');
  });
  const early = await openWindow('away', chat);
  await postTo(chat, 'away', 'before');

  await ownRedis.kill();
  const late = await open('away', chat);
  await expect(postTo(chat, 'away', 'lost')).rejects.toThrow('BROKER_UNAVAILABLE');
  await untilStatus(late.page, 'Connecting');
  await ownRedis.start();
  await untilStatus(late.page, 'Live');
  await messagesOf(late.page).filter({ hasText: 'before' }).waitFor();
  await postTo(chat, 'away', 'after');

  for (const { page } of [early, late]) {
    await messagesOf(page).nth(1).waitFor();
    expect(await messagesOf(page).allTextContents()).toEqual(['before', 'after']);
    expect(await page.getByRole('alert').isVisible()).toBe(false);
  }
});

it('has rooms of any name', async () => {
  const name = 'a:b%25 c/d – ☕';
  await postTo(other, name, 'Coffee?');

  const { page } = await openWindow(encodeURIComponent(name));
  await messagesOf(page).filter({ hasText: 'Coffee?' }).waitFor();
  await postTo(other, name, 'Yes');
  await messagesOf(page).filter({ hasText: 'Yes' }).waitFor();

  expect(await messagesOf(page).allTextContents()).toEqual(['Coffee?', 'Yes']);
});

function start(PORT = '0'): Promise<ChatServer> {
  return startChat({ PORT, REDIS_URL: redis.url, REDIS_PREFIX: redis.prefix });
}

/** On the port of the one that was killed. */
function restart(): Promise<ChatServer> {
  return start(new URL(server.url).port);
}

async function forgetResumeKey(): Promise<void> {
  const client = await createClient({ url: redis.url }).connect();
  await client.del(`${redis.prefix}:resume-key`);
  await client.close();
}

interface Window {
  readonly page: Page;
  /** What came over its sockets. */
  readonly received: readonly Frame[];
}

/** A message of `graphql-transport-ws`, as far as it is looked at. */
interface Frame {
  readonly payload?: {
    readonly data?: {
      readonly messages?: unknown;
      readonly messageAdded?: { readonly text: string };
    };
    readonly extensions?: { readonly resume?: { readonly recovered?: boolean } };
  };
}

/** Resolves once the page listens and has the history. */
async function openWindow(room: string, at?: ChatServer): Promise<Window> {
  const opened = await open(room, at);
  await expect.poll(() => opened.received.filter(isHistory).length, { timeout: 20_000 }).toBe(1);
  return opened;
}

async function open(room: string, at = server): Promise<Window> {
  const page = await chromium.context.newPage();
  const received: Frame[] = [];
  page.on('websocket', (socket) => {
    socket.on('framereceived', ({ payload }) => {
      received.push(JSON.parse(String(payload)) as Frame); // what the server sends is of this form
    });
  });
  await page.goto(new URL(`/rooms/${room}`, at.url).href);
  return { page, received };
}

function isHistory({ payload }: Frame): boolean {
  return payload?.data?.messages !== undefined;
}

function recovered({ payload }: Frame): readonly boolean[] {
  const outcome = payload?.extensions?.resume?.recovered;
  return outcome === undefined ? [] : [outcome];
}

function liveText({ payload }: Frame): readonly string[] {
  const text = payload?.data?.messageAdded?.text;
  return text === undefined ? [] : [text];
}
