import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import type { Locator, Page } from 'playwright-core';

import { buildExample } from '../../scripts/build-example.mjs';
import { launchChromium } from './chromium.ts';
import type { Chromium } from './chromium.ts';

const serverFile = fileURLToPath(
  new URL('../../examples/live-list/dist/live-list/server.js', import.meta.url),
);

/** Variables of the environment that the server of the live list looks at. */
export interface ExampleSettings {
  readonly PORT?: string;
  readonly REDIS_URL?: string;
}

/** The live list with the pages of one app: its server in a process of its own, its items in a file, and a browser. */
export interface ExampleApp {
  /** Stays the same over restarts. */
  readonly url: string;
  readonly chromium: Chromium;
  /** A page that is live, 1280 pixels wide unless `size` says otherwise. */
  open(size?: { readonly width: number; readonly height: number }): Promise<Page>;
  /** Ends the server; the exit code, or null if the signal itself ended it. */
  stop(signal: 'SIGTERM' | 'SIGKILL' | 'SIGINT'): Promise<number | null>;
  /** Starts it again on the same port, with the same items. */
  restart(): Promise<void>;
  /** Adds an item as somebody who has no page open. */
  addElsewhere(text: string): Promise<void>;
  /** Ends server and browser, and removes the file. */
  close(): Promise<void>;
}

/** Builds the pages of `app` if they are missing or old, and starts it all. */
export async function startExampleApp(
  app: string,
  settings: ExampleSettings = {},
): Promise<ExampleApp> {
  await buildExample(app);
  const folder = await mkdtemp(path.join(tmpdir(), 'millrace-example-'));
  const environment = { REDIS_URL: '', ...settings, ITEMS_FILE: path.join(folder, 'items.json') };
  let server = await startServer(app, { PORT: '0', ...environment });
  const { url } = server;
  const chromium = await launchChromium();
  return {
    url,
    chromium,
    async open(size = { width: 1280, height: 800 }) {
      const page = await chromium.context.newPage();
      await page.setViewportSize(size);
      await page.goto(url);
      await untilState(page, 'Live');
      return page;
    },
    stop: (signal) => endProcess(server.process, signal),
    async restart() {
      server = await startServer(app, { ...environment, PORT: new URL(url).port });
    },
    addElsewhere: (text) => addItem(url, text),
    async close() {
      await chromium.close();
      await endProcess(server.process, 'SIGKILL');
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Writes an item on a page and sends it. */
export async function addOn(page: Page, text: string): Promise<void> {
  await page.getByLabel('New item').fill(text);
  await page.getByRole('button', { name: 'Add' }).click();
}

/** The items that a page shows, in their order. */
export function itemsOn(page: Page): Locator {
  return page.getByRole('list', { name: 'Items' }).getByRole('listitem');
}

/** Resolves once a page says that of its connection. */
export async function untilState(page: Page, state: string): Promise<void> {
  await page.getByRole('status').filter({ hasText: state }).waitFor();
}

interface ExampleServer {
  readonly process: ChildProcess;
  readonly url: string;
}

/** Resolves once it says that it is ready. */
async function startServer(
  app: string,
  environment: Readonly<Record<string, string>>,
): Promise<ExampleServer> {
  const child = spawn(process.execPath, [serverFile, app], {
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let printed = '';
  child.stderr.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  return new Promise((resolve, reject) => {
    child.stdout.on('data', (chunk: Buffer) => {
      printed += chunk.toString();
      const url = /ready: (\S+)/.exec(printed)?.[1];
      if (url !== undefined) resolve({ process: child, url });
    });
    child.once('exit', () => reject(new Error(`the live list ended: ${printed}`)));
  });
}

async function endProcess(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
  const ended = once(child, 'exit');
  child.kill(signal);
  await ended;
  return child.exitCode;
}

async function addItem(url: string, text: string): Promise<void> {
  const response = await fetch(new URL('/graphql', url), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      query: 'mutation ($text: String!) { addItem(text: $text) { id } }',
      variables: { text },
    }),
  });
  const answer = await response.text();
  if (!answer.includes('"addItem":{"id"')) throw new Error(`not added: ${answer}`);
}
