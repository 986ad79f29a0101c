import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

import type { Locator, Page } from 'playwright-core';

const serverFile = fileURLToPath(new URL('../../examples/chat/dist/server.js', import.meta.url));

/** The server of the chat, in a process of its own. */
export interface ChatServer {
  readonly process: ChildProcess;
  readonly url: string;
}

/** Variables of the environment that the server of the chat looks at. */
export interface ChatSettings {
  readonly PORT?: string;
  readonly REDIS_URL?: string;
  readonly REDIS_PREFIX?: string;
}

/** Starts a chat that keeps its messages in memory unless `settings` say otherwise. */
export function spawnChat(settings: ChatSettings): ChildProcess {
  return spawn(process.execPath, [serverFile], {
    env: { ...process.env, REDIS_URL: '', PORT: '0', ...settings },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

/** Resolves once it says that it is ready. */
export async function startChat(settings: ChatSettings = {}): Promise<ChatServer> {
  const child = spawnChat(settings);
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
export async function stopChat(
  { process: child }: Pick<ChatServer, 'process'>,
  signal: NodeJS.Signals,
): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
  const ended = once(child, 'exit');
  child.kill(signal);
  await ended;
  return child.exitCode;
}

/** What a server that cannot start writes about it, and its exit code. */
export async function complaintOf(
  settings: ChatSettings,
): Promise<{ readonly code: unknown; readonly complaint: string }> {
  const child = spawnChat(settings);
  let complaint = '';
  child.stderr?.on('data', (chunk: Buffer) => (complaint += chunk.toString()));
  const [code] = await once(child, 'close');
  return { code, complaint };
}

/** Posts as somebody who has no window open. */
export async function postTo({ url }: ChatServer, room: string, text: string): Promise<void> {
  const response = await fetch(new URL('/graphql', url), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      query:
        'mutation ($room: String!, $text: String!) { postMessage(room: $room, author: "Test", text: $text) { id } }',
      variables: { room, text },
    }),
  });
  const answer = await response.text();
  if (!answer.includes('"postMessage":{"id"')) throw new Error(`not posted: ${answer}`);
}

/** Writes a message in a window and sends it. */
export async function say(page: Page, text: string): Promise<void> {
  await page.getByLabel('Message', { exact: true }).fill(text);
  await page.getByRole('button', { name: 'Send' }).click();
}

/** The texts that a window shows, in their order. */
export function messagesOf(page: Page): Locator {
  return page.getByRole('log').locator('.text');
}

/** Resolves once a window says that about its connection. */
export async function untilStatus(page: Page, status: string): Promise<void> {
  await page.getByRole('status').filter({ hasText: status }).waitFor();
}
