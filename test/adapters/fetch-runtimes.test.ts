import { createBunHandlers } from 'millrace/adapters/bun';
import type { BunServerLike } from 'millrace/adapters/bun';
import { createWorkerHandler } from 'millrace/adapters/cloudflare';
import { createDenoHandler } from 'millrace/adapters/deno';
import { createServer } from 'millrace/server';
import { expect, it } from 'vitest';

import { createFixtureApp } from '../support/fixture-app.ts';

const server = createServer({ schema: createFixtureApp().schema });

it.each([
  ['Deno', () => createDenoHandler(server)],
  ['Workers', () => createWorkerHandler(server)],
])('the adapter for %s says at once that it needs it', (runtime, create) => {
  expect(create).toThrow(`needs ${runtime}; elsewhere use the adapter of that runtime`);
});

it('the adapter for Bun says what is missing where it is called without the server of Bun', () => {
  const { fetch } = createBunHandlers(server);

  expect(() => fetch(new Request('http://127.0.0.1/graphql'), {} as BunServerLike)).toThrow(
    'needs the server of Bun beside the request',
  );
});
