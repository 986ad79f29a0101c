import type { Transport } from 'millrace/client';
import { appsync } from 'millrace/client/appsync';
import { multipart } from 'millrace/client/multipart';
import { sse } from 'millrace/client/sse';
import { subscriptionsTransportWs, websocket } from 'millrace/client/websocket';

/** How long silence lasts before it means something. */
export interface Patience {
  /** Until the server is asked, where it can be. */
  readonly pingAfterMs?: number;
  readonly silenceMs?: number;
  /** Until a connection is there, and until it is acknowledged where it has to be. */
  readonly connectTimeoutMs?: number;
  readonly ackTimeoutMs?: number;
}

/** Something that carries subscriptions of our client over TCP. */
export interface FaultCarrier {
  /** Whether it is a socket on which a close says why. */
  readonly kind: 'socket' | 'response';
  /** Carries neither queries nor mutations. */
  readonly isForSubscriptions?: true;
  createTransport(patience?: Patience): Transport;
}

const faultCarriers = {
  'graphql-transport-ws': {
    kind: 'socket',
    createTransport: (patience) => websocket(patience),
  },
  'subscriptions-transport-ws': {
    kind: 'socket',
    createTransport: (patience) => websocket({ ...patience, protocol: subscriptionsTransportWs }),
  },
  appsync: {
    kind: 'socket',
    isForSubscriptions: true,
    createTransport: ({ silenceMs, connectTimeoutMs, ackTimeoutMs } = {}) =>
      appsync({
        authorization: { 'x-api-key': 'k' },
        ...(silenceMs !== undefined && { connectionTimeoutMs: silenceMs }),
        ...(connectTimeoutMs !== undefined && { connectTimeoutMs }),
        ...(ackTimeoutMs !== undefined && { ackTimeoutMs }),
      }),
  },
  sse: {
    kind: 'response',
    createTransport: (patience) => sse(toStreamOptions(patience)),
  },
  multipart: {
    kind: 'response',
    createTransport: (patience) => multipart(toStreamOptions(patience)),
  },
} as const satisfies Record<string, FaultCarrier>;

/** Everything that does, for `describe.each`: a name and a carrier. */
export const eachCarrier: readonly (readonly [string, FaultCarrier])[] =
  Object.entries<FaultCarrier>(faultCarriers);

/** Those that carry queries and mutations as well. */
export const eachFullCarrier: typeof eachCarrier = eachCarrier.filter(
  ([, { isForSubscriptions }]) => !isForSubscriptions,
);

function toStreamOptions({ silenceMs, connectTimeoutMs }: Patience = {}): Pick<
  Patience,
  'silenceMs' | 'connectTimeoutMs'
> {
  return {
    ...(silenceMs !== undefined && { silenceMs }),
    ...(connectTimeoutMs !== undefined && { connectTimeoutMs }),
  };
}
