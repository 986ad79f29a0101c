import { runClientSuite } from './client-suite.ts';

// eslint-disable-next-line import/no-default-export -- what a Worker is
export default {
  /** Runs the suite; the body says where its server is. */
  async fetch(request: Request): Promise<Response> {
    await runClientSuite({ origin: await request.text(), sockets: {} });
    return new Response('done');
  },
};
