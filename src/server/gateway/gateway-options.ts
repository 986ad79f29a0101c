import type { ServerOptions } from '../options.ts';
import type { RequestHead } from '../request-head.ts';
import type { GatewayStore } from './gateway-store.ts';
import type { GatewayTopics } from './gateway-topics.ts';

/** The push interface of whoever holds the sockets. */
export interface GatewayPush {
  /** Sends one text message; resolves once it was accepted. Rejects with an error that has `code: 'GONE'` or `status: 410` if the connection is gone. */
  send(connectionId: string, frame: string): Promise<unknown>;
  /** Closes a connection; code and reason are for those who can say them. */
  close(connectionId: string, code: number, reason: string): Promise<unknown>;
}

/** The options of a server that mean something without a process: nothing that counts, or waits, from one call to the next. */
export type GatewayServerOptions<Session extends object = object, Context = unknown> = Omit<
  ServerOptions<Session, Context>,
  'principal' | 'revocations' | 'keepAlive' | 'slowConsumer' | 'resume' | 'clock'
>;

/** What a gateway needs besides a server's options. */
export interface GatewayOptions {
  readonly store: GatewayStore;
  readonly push: GatewayPush;
  /** Those whose `publish` shall reach the subscribers of this gateway. */
  readonly topics?: GatewayTopics;
  /** How long a connection is remembered. It MUST be longer than the gateway lets one live; after 9/10 of it one is closed, to come back as a new one. @defaultValue 86_400_000 */
  readonly lifetimeMs?: number;
  /** Headers of the upgrade that hooks and contexts see after the connect hook; that sees all. @defaultValue [] */
  readonly keepHeaders?: readonly string[];
  /** Size of a session as JSON; a larger one fails its connection with close 4500. @defaultValue 16_384 */
  readonly sessionBytes?: number;
  /** Size of one message to a client; a larger result is replaced by the error `RESULT_TOO_BIG`. @defaultValue 131_072 */
  readonly frameBytes?: number;
  /** Pushes of one `publish` that are under way at once. @defaultValue 32 */
  readonly pushesAtOnce?: number;
  /** Milliseconds since 1970, which `expiresAt` of a session is compared with as well. @defaultValue `now` of the server options */
  readonly now?: () => number;
}

export const gatewayDefaults = {
  lifetimeMs: 86_400_000,
  keepHeaders: [],
  sessionBytes: 16_384,
  frameBytes: 131_072,
  pushesAtOnce: 32,
} as const satisfies Partial<GatewayOptions>;

/** A client wants to open a WebSocket. */
export interface GatewayConnect {
  readonly connectionId: string;
  readonly request: RequestHead;
}

/** How to answer that. */
export type GatewayConnectAnswer =
  | {
      readonly kind: 'accept';
      /** For `Sec-WebSocket-Protocol`. */
      readonly subprotocol: string;
    }
  | { readonly kind: 'refuse'; readonly status: number; readonly message: string };

/** A client sent a message. */
export interface GatewayMessage {
  readonly connectionId: string;
  /** Text as a string, binary as bytes. */
  readonly data: string | Uint8Array;
  /** Seen by the hooks of this call in place of what was kept of the upgrade. */
  readonly request?: RequestHead;
}

/** What one publication came to. */
export interface GatewayDelivery {
  /** Results that were pushed. */
  readonly delivered: number;
  /** Subscribers whose connections were gone, or ended because their credentials had expired. */
  readonly gone: number;
  /** Subscribers that could not be told: their connections are closed, so that they notice. */
  readonly failed: number;
}

/** GraphQL over WebSockets that somebody else holds: every method is one call of a function, and nothing lives between them but what is in the store. */
export interface Gateway {
  /** Decides on a connection, before it is open. Rejects if the store fails. */
  connect(event: GatewayConnect): Promise<GatewayConnectAnswer>;
  /** Resolves once everything that the message led to was done. Rejects if the store fails; the connection is closed then. */
  message(event: GatewayMessage): Promise<void>;
  /** A connection is gone. Forgetting one twice is harmless. */
  disconnect(
    connectionId: string,
    end?: { readonly code?: number; readonly reason?: string },
  ): Promise<void>;
  /**
   * Executes an event for all who subscribed to (topic, key), and pushes the results; resolves once all were.
   *
   * @remarks
   * Not atomic: if it rejects, because the store failed, some may have got the event and others not.
   */
  publish(
    topic: string,
    event: unknown,
    options?: { readonly key?: string },
  ): Promise<GatewayDelivery>;
}
