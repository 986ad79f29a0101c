import type { SourceError } from '../../errors.ts';
import type { Clock } from '../../vocabulary.ts';
import type { EventCodec } from './event-codec.ts';
import type { RemoteStatus } from './status.ts';

/** Options of every broker whose logs are stored elsewhere. */
export interface RemoteBrokerOptions {
  /** How long the server that stores the logs may take for anything before it counts as away. @defaultValue 5_000 */
  readonly timeoutMs?: number;
  /** @defaultValue the clock of the runtime */
  readonly clock?: Clock;
  /** Told when that server goes away and comes back; what it throws is ignored. */
  readonly onStatus?: (status: RemoteStatus) => void;
}

/** Options of brokers that store events in any encoding, so that what another program stored may be none. */
export interface EncodedLogOptions extends RemoteBrokerOptions {
  /** How events are stored. @defaultValue JSON */
  readonly codec?: EventCodec;
  /** Time between comparisons of what is stored with what this process knows of it. @defaultValue 30_000 */
  readonly checkMs?: number;
  /** Told of an entry of another program that is no event: readers do not get it. What it throws is ignored. @defaultValue nothing is done */
  readonly onInvalidEntry?: (error: SourceError) => void;
}

export const remoteDefaults = {
  timeoutMs: 5_000,
  checkMs: 30_000,
} as const satisfies EncodedLogOptions;
