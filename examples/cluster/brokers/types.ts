import type { Broker } from 'millrace/broker';

import type { Command } from '../supervised-process.ts';

/** One kind of broker: how a server uses it, and how its program is started here. */
export interface BrokerKind {
  /** As people write it. */
  readonly title: string;
  /** Makes what the broker needs where that is not there yet. Rejects if it cannot, as a program that is away does not let it. */
  readonly openBroker: (url: string) => Promise<Broker>;
  /** Where it answers if its program listens on `port`. */
  readonly urlOf: (port: number) => string;
  /** Its program on a port of 127.0.0.1. What it keeps is in `folder`, so that the next start goes on with that. */
  readonly toCommand: (folder: string, port: number) => Promise<Command>;
}
