import type { SharedBrokerName } from '../brokers.ts';
import { nats } from './nats.ts';
import { postgres } from './postgres.ts';
import { redis } from './redis.ts';
import type { BackplaneKind } from './types.ts';

/** What several processes can have their events in, by the name of the broker. */
export const backplanes = { redis, nats, postgres } as const satisfies Record<
  SharedBrokerName,
  BackplaneKind
>;
