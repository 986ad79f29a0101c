import { createMemoryBroker } from 'millrace/broker/memory';

import { brokerContract } from '../contract/broker-contract.ts';

brokerContract('memory', async ({ retainedEvents }) =>
  createMemoryBroker(retainedEvents === undefined ? {} : { events: retainedEvents }),
);
