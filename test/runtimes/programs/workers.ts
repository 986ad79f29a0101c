import { createWorkerHandler } from 'millrace/adapters/cloudflare';
import type { WorkerHandler } from 'millrace/adapters/cloudflare';

import { stageHere } from '../../support/adapter-stage.ts';
import { createControl } from './control.ts';

interface Env {
  readonly stage: {
    getByName(name: string): { fetch(request: Request): Promise<Response> };
  };
}

/** The servers of the tests, one after the other, and what commands them. */
export class Stage {
  #handle: WorkerHandler | undefined;
  #origin = '';

  readonly #control = createControl(
    stageHere((server) => {
      this.#handle = createWorkerHandler(server);
      return Promise.resolve({ url: `${this.#origin}/graphql`, close: () => server.close() });
    }),
  );

  async fetch(request: Request): Promise<Response> {
    const { pathname, origin } = new URL(request.url);
    if (pathname === '/') {
      this.#origin = origin;
      return this.#control(request);
    }
    return this.#handle?.(request) ?? new Response(null, { status: 500 });
  }
}

// eslint-disable-next-line import/no-default-export -- what a Worker is
export default {
  fetch: (request: Request, { stage }: Env): Promise<Response> =>
    stage.getByName('the only one').fetch(request),
};
