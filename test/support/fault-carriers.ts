import type { Transport } from 'millrace/client';
import { appsync } from 'millrace/client/appsync';
import { multipart } from 'millrace/client/multipart';
import { sse } from 'millrace/client/sse';
import { sseSingle } from 'millrace/client/sse-single';
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
  /** If one stream, which is reserved first, brings all results, and everything is asked for by a request of its own: on which TCP connection it comes, from 0. */
  readonly streamAt?: number;
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
  'sse-single': {
    kind: 'response',
    // the stream is opened as soon as the answer is there that reserved it, whose connection `fetch` of Node does not use again in the same turn
    streamAt: 1,
    createTransport: (patience) => sseSingle(toStreamOptions(patience)),
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

/** How many connections a client has for so many operations. */
export function connectionsFor(carrier: FaultCarrier, operations: number): number {
  return carrier.createTransport().isShared ? 1 : operations;
}

function toStreamOptions({ silenceMs, connectTimeoutMs }: Patience = {}): Pick<
  Patience,
  'silenceMs' | 'connectTimeoutMs'
> {
  return {
    ...(silenceMs !== undefined && { silenceMs }),
    ...(connectTimeoutMs !== undefined && { connectTimeoutMs }),
  };
}
