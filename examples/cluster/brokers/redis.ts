import { createRedisBroker } from 'millrace/broker/redis';

import type { BrokerKind } from './types.ts';

export const redis: BrokerKind = {
  title: 'Redis',
  openBroker: async (url) =>
    createRedisBroker({ url, prefix: 'millrace-cluster', timeoutMs: 2_000 }),
  urlOf: (port) => `redis://127.0.0.1:${port}`,
  async toCommand(folder, port) {
    const settings = {
      port: String(port),
      bind: '127.0.0.1',
      dir: folder,
      save: '',
      // what was answered is on the disk: a server that is killed comes back with all of it
      appendonly: 'yes',
      appendfsync: 'always',
      'maxmemory-policy': 'noeviction',
    };
    const words = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
    return { file: 'redis-server', words };
  },
};
