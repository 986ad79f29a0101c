import { serverAudits } from 'graphql-http';
import type { Running } from 'millrace/adapters/node';
import { listen } from 'millrace/adapters/node';
import { createServer } from 'millrace/server';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { createFixtureApp } from '../support/fixture-app.ts';

let running: Running;
beforeAll(async () => {
  const server = createServer({ schema: createFixtureApp().schema });
  running = await listen(server, { port: 0, host: '127.0.0.1' });
});
afterAll(() => running.close());

describe('the public audit of GraphQL over HTTP, of the earlier vintage', () => {
  const audits = serverAudits({ url: () => running.url });

  it('is there in full', () => {
    expect(audits).toHaveLength(61);
  });

  // a notice or a warning is an audit that was not passed, too
  it.each(audits)('$id $name', async ({ fn }) => {
    expect(await fn()).toMatchObject({ status: 'ok' });
  });
});
