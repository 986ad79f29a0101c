import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';

import type { Locator, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { buildChat } from '../../scripts/build-chat.mjs';
import { launchChromium } from '../support/chromium.ts';
import type { Chromium } from '../support/chromium.ts';

const serverFile = fileURLToPath(new URL('../../examples/chat/dist/server.js', import.meta.url));
const phone = { width: 390, height: 844 };

interface ChatServer {
  readonly process: ChildProcess;
  readonly url: string;
}

beforeAll(() => buildChat(), 120_000);

describe('the pages of the chat', () => {
  let server: ChatServer;
  let chromium: Chromium;

  beforeAll(async () => {
    [server, chromium] = await Promise.all([startServer(), launchChromium()]);
  });
  afterEach(async () => {
    await Promise.all(chromium.context.pages().map((page) => page.close()));
  });
  afterAll(async () => {
    await chromium.close();
    await stop(server.process, 'SIGTERM');
  });

  async function open(path: string, size = { width: 1280, height: 800 }): Promise<Page> {
    const page = await chromium.context.newPage();
    await page.setViewportSize(size);
    await page.goto(new URL(path, server.url).href);
    return page;
  }

  async function openRoom(name: string, size?: typeof phone): Promise<Page> {
    const page = await open(`/rooms/${name}`, size);
    await page.getByRole('status').filter({ hasText: 'Live' }).waitFor();
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

  it.each(['/rooms/narrow', '/graphiql?room=narrow'])(
    'needs no sideways scrolling of %s on a phone',
    async (path) => {
      const writer = await openRoom('narrow');
      await say(writer, 'https://example.org/'.padEnd(300, 'x'));
      await messagesOf(writer).first().waitFor();
      const page = await open(path, phone);
      await page.locator('.message, .graphiql-execute-button').first().waitFor();

      const width = await page.evaluate('document.documentElement.scrollWidth');

      expect(width).toBe(phone.width);
    },
  );

  it('says that it reconnects when the server goes, and shows afterwards what it missed', async () => {
    const first = await startServer();
    const page = await chromium.context.newPage();
    await page.goto(new URL('/rooms/lost', first.url).href);
    const status = page.getByRole('status');
    await status.filter({ hasText: 'Live' }).waitFor();

    expect(await stop(first.process, 'SIGTERM')).toBe(0);
    await status.filter({ hasText: 'Reconnecting' }).waitFor();
    expect(await page.getByRole('button', { name: 'Send' }).isDisabled()).toBe(true);
    const second = await startServer(new URL(first.url).port);
    await post(second, 'lost', 'Said before you were back');
    await messagesOf(page).filter({ hasText: 'Said before' }).waitFor();
    await status.filter({ hasText: 'Live' }).waitFor();

    await stop(second.process, 'SIGTERM');
  });
});

describe('the server of the chat', () => {
  it.each(['SIGINT', 'SIGTERM'] as const)('ends with code 0 on %s', async (signal) => {
    const { process: child } = await startServer();

    expect(await stop(child, signal)).toBe(0);
  });

  it.each(['abc', '70000'])('says in one line that %s is no port', async (port) => {
    const child = spawnServer(port);
    let complaint = '';
    child.stderr?.on('data', (chunk: Buffer) => (complaint += chunk.toString()));
    const [code] = await once(child, 'close');

    expect(code).toBe(1);
    expect(complaint).toBe(`Chat cannot start: PORT has to be a number up to 65535, not ${port}\n`);
  });

  it('says in one line that its port is taken', async () => {
    const holder = createServer().listen(0);
    await once(holder, 'listening');
    const { port } = holder.address() as AddressInfo;

    const child = spawnServer(String(port));
    let complaint = '';
    child.stderr?.on('data', (chunk: Buffer) => (complaint += chunk.toString()));
    const [code] = await once(child, 'close');
    holder.close();

    expect(code).toBe(1);
    expect(complaint).toBe(`Chat cannot start: port ${port} is taken\n`);
  });
});

async function say(page: Page, text: string): Promise<void> {
  await page.getByLabel('Message', { exact: true }).fill(text);
  await page.getByRole('button', { name: 'Send' }).click();
}

function messagesOf(page: Page): Locator {
  return page.getByRole('log').locator('.text');
}

function spawnServer(port: string): ChildProcess {
  return spawn(process.execPath, [serverFile], {
    env: { ...process.env, PORT: port },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

async function startServer(port = '0'): Promise<ChatServer> {
  const child = spawnServer(port);
  let printed = '';
  child.stderr?.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  return new Promise((resolve, reject) => {
    child.stdout?.on('data', (chunk: Buffer) => {
      printed += chunk.toString();
      const url = /Chat ready: (\S+)/.exec(printed)?.[1];
      if (url !== undefined) resolve({ process: child, url });
    });
    child.once('exit', () => reject(new Error(`the chat server ended: ${printed}`)));
  });
}

/** The exit code; null if the signal itself ended the process. */
async function stop(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  const ended = once(child, 'exit');
  child.kill(signal);
  await ended;
  return child.exitCode;
}

async function post({ url }: ChatServer, room: string, text: string): Promise<void> {
  const response = await fetch(new URL('/graphql', url), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      query:
        'mutation ($room: String!, $text: String!) { postMessage(room: $room, author: "Test", text: $text) { id } }',
      variables: { room, text },
    }),
  });
  expect(await response.json()).toHaveProperty('data.postMessage.id');
}
