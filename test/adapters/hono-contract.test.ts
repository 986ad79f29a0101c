import { createHonoHandler } from 'millrace/adapters/hono';
import type { Server } from 'millrace/server';
import { beforeEach, expect, it, vi } from 'vitest';

import { adapterContract } from '../contract/adapter-contract.ts';
import { withoutWebSockets } from '../contract/adapter-differences.ts';
import { serveHono } from '../support/serve-hono.ts';

// Hono's server prints the error of each response that is cut off
beforeEach(() => void vi.spyOn(console, 'error').mockImplementation(() => {}));

adapterContract('the adapter for Hono', (server) => serveHono(createHonoHandler(server)), {
  withoutSockets: withoutWebSockets,
});

it('says what the adapter for Hono needs', () => {
  expect(() => createHonoHandler({} as Server)).toThrow(/needs a server, or the handler/);
});
