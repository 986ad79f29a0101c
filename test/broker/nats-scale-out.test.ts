import { createNatsBroker } from 'millrace/broker/nats';
import { afterAll, beforeAll } from 'vitest';

import { brokerScaleOutContract } from '../contract/broker-scale-out-contract.ts';
import { shareNats } from '../support/nats-server.ts';
import type { NatsShare } from '../support/nats-server.ts';

let nats: NatsShare;

beforeAll(async () => {
  nats = await shareNats();
});
afterAll(async () => {
  await nats.close();
});

brokerScaleOutContract('NATS', () => {
  const prefix = `${nats.prefix}-${crypto.randomUUID().slice(-12)}`;
  return () => createNatsBroker({ servers: nats.url, prefix });
});
