import { nats } from './nats.ts';
import { postgres } from './postgres.ts';
import { redis } from './redis.ts';
import type { BrokerKind } from './types.ts';

/** What a cluster can be over, by the names that `--broker` and `BROKER` take. */
const brokers = { redis, nats, postgres } as const satisfies Record<string, BrokerKind>;

export type BrokerName = keyof typeof brokers;

/** @throws an error for people if there is no such broker */
export function brokerOf(name: string): BrokerKind {
  if (Object.hasOwn(brokers, name)) return brokers[name as BrokerName]; // it has just been found there
  throw new Error(`there is no broker ${name}; there are ${Object.keys(brokers).join(', ')}`);
}
