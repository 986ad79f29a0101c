import type { Broker } from 'millrace/broker';
import { createMemoryBroker } from 'millrace/broker/memory';

/** Brokers that several processes share: each has a backplane of its name. */
export type SharedBrokerName = 'redis' | 'nats' | 'postgres';

/** What a process is told of its broker. */
export type BrokerSettings =
  | { readonly kind: 'memory' }
  | { readonly kind: SharedBrokerName; readonly url: string; readonly timeoutMs: number };

/** Large events are sent to fill the buffers of the system, and no history shall be lost by that. */
const bytes = 64 * 1_024 * 1_024;

/** Loads only the broker that is asked for: an earlier version of the package may not have the others. */
export async function createBroker(settings: BrokerSettings): Promise<Broker> {
  switch (settings.kind) {
    case 'memory':
      return createMemoryBroker({ bytes });
    case 'redis': {
      const { createRedisBroker } = await import('millrace/broker/redis');
      const { url, timeoutMs } = settings;
      return createRedisBroker({ url, timeoutMs, retention: { bytes } });
    }
    case 'nats': {
      const { createNatsBroker } = await import('millrace/broker/nats');
      const { url, timeoutMs } = settings;
      return createNatsBroker({ servers: url, timeoutMs, retention: { bytes } });
    }
    case 'postgres': {
      const { createPostgresBroker } = await import('millrace/broker/postgres');
      const { url, timeoutMs } = settings;
      return createPostgresBroker({ url, timeoutMs, retention: { bytes } });
    }
  }
}
