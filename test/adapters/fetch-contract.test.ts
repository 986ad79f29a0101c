import { createFetchHandler } from 'millrace/adapters/fetch';

import { adapterContract } from '../contract/adapter-contract.ts';
import { withoutWebSockets } from '../contract/adapter-differences.ts';
import { serveFetch } from '../support/serve-fetch.ts';

adapterContract('the adapter for fetch', (server) => serveFetch(createFetchHandler(server)), {
  withoutSockets: withoutWebSockets,
});
