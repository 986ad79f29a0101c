import { createRequire } from 'node:module';

import * as adapter from 'millrace/adapters/node';
import { vi } from 'vitest';

/** What an example that was imported started; its port is one that the system chose. */
export interface RunningExample {
  readonly url: string;
  /** What it has printed so far. */
  readonly printed: readonly unknown[];
  close(): Promise<void>;
}

/** Runs a module that calls `listen` once, as it stands but on a free port. */
export async function runExample(importModule: () => Promise<unknown>): Promise<RunningExample> {
  const printed: unknown[] = [];
  const print = vi.spyOn(console, 'log').mockImplementation((value) => void printed.push(value));
  let running: adapter.Running | undefined;
  vi.doMock('millrace/adapters/node', () => ({
    ...adapter,
    listen: async (...[server, options]: Parameters<typeof adapter.listen>) => {
      running = await adapter.listen(server, { ...options, port: 0, host: '127.0.0.1' });
      return running;
    },
  }));
  // Sources get graphql's development build, packages the other one; a schema passes from these to those.
  vi.doMock('graphql', () => createRequire(import.meta.url)('graphql') as object);
  await importModule();
  const started = running;
  if (started === undefined) throw new Error('the example does not listen');
  return {
    url: started.url,
    printed,
    async close() {
      await started.close();
      print.mockRestore();
      vi.doUnmock('millrace/adapters/node');
      vi.doUnmock('graphql');
      vi.resetModules();
    },
  };
}

/** Posts one operation and gives the status and the body. */
export async function post(
  url: string,
  query: string,
  headers: Record<string, string> = {},
): Promise<{ readonly status: number; readonly body: unknown }> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ query }),
  });
  return { status: response.status, body: await response.json() };
}
