import { createNatsBroker } from 'millrace/broker/nats';

import type { BrokerKind } from './types.ts';

export const nats: BrokerKind = {
  title: 'NATS',
  openBroker: async (url) =>
    createNatsBroker({ servers: url, prefix: 'millrace-cluster', timeoutMs: 2_000 }),
  urlOf: (port) => `nats://127.0.0.1:${port}`,
  toCommand: async (folder, port) => ({
    file: 'nats-server',
    words: ['-a', '127.0.0.1', '-p', String(port), '-js', '-sd', folder],
  }),
};
