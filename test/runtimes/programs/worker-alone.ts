import { createWorkerHandler } from 'millrace/adapters/cloudflare';
import { createServer } from 'millrace/server';

import { createFixtureApp } from '../../support/fixture-app.ts';

// eslint-disable-next-line import/no-default-export -- what a Worker is
export default {
  /** Without a Durable Object: a server for each request. */
  fetch(request: Request): Promise<Response> {
    const { schema, broker } = createFixtureApp();
    return createWorkerHandler(createServer({ schema, broker }))(request);
  },
};
