import type { Server, ServerOptions } from 'millrace/server';
import { createServer } from 'millrace/server';

import type { FixtureApp } from './fixture-app.ts';
import { createFixtureApp } from './fixture-app.ts';

/** The fixture application with a server that nothing carries yet. */
export function createFixtureServer(options: Partial<ServerOptions> = {}): {
  readonly fixture: FixtureApp;
  readonly server: Server;
} {
  const fixture = createFixtureApp();
  const { schema, broker } = fixture;
  return { fixture, server: createServer({ schema, broker, ...options }) };
}
