import type { ClientProtocol } from '../protocol/client-protocol.ts';
import { graphqlTransportWs } from '../protocol/graphql-transport-ws/client-protocol.ts';
import { encodeClientMessage } from '../protocol/graphql-transport-ws/codec.ts';
import { readExpiry } from '../protocol/session-expiry.ts';
import type { Instant } from '../vocabulary.ts';
import { never } from '../vocabulary.ts';
import { provide } from './transport.ts';
import type { Connection, ConnectionListener, ConnectionSettings, Transport } from './transport.ts';

/** Options of {@link renewing}. */
export interface RenewalOptions {
  /** How long before a session ends it is renewed, in milliseconds; of a short one, at half of its time. @defaultValue 60_000 */
  readonly leadMs?: number;
}

/** With less time than this left, in milliseconds, an attempt would come too late: the connection is made anew instead. */
const leastMs = 1_000;

const plainPing = encodeClientMessage({ type: 'ping' });

/**
 * Keeps a WebSocket when the credentials of its session expire: before they do, `connectionParams` of the client are asked again, and what they say is sent
 * with a ping.
 *
 * @remarks
 * For servers that say with their ack when the session ends, as those of Millrace do, and `connectionParams` that are a function. An attempt that nothing comes of
 * is repeated in half of the time that is left. Where all are in vain, and with any other server, the connection ends with 4403, and the client comes back
 * with fresh parameters by itself.
 * @param create - makes the transport for the protocol that it gets: `(protocol) => websocket({ protocol })`
 */
export function renewing(
  create: (protocol: ClientProtocol) => Transport,
  { leadMs = 60_000 }: RenewalOptions = {},
): Transport {
  // whoever connects again with the same settings is the same line, which has one connection at a time
  const lines = new WeakMap<ConnectionSettings, RenewedLine>();
  return {
    isShared: true,
    connect(settings, listener) {
      const line = lines.get(settings) ?? new RenewedLine(create, settings, leadMs);
      lines.set(settings, line);
      return line.connect(listener);
    },
  };
}

/** The connections of one line, one after the other. */
class RenewedLine {
  readonly #settings: ConnectionSettings;
  readonly #leadMs: number;
  readonly #transport: Transport;
  #connection: Connection | undefined;
  #expiresAt: Instant = never;
  /** The next ping, once there are credentials for it. */
  #pingFrame: string | undefined;
  #cancelTimer: (() => void) | undefined;

  constructor(
    create: (protocol: ClientProtocol) => Transport,
    settings: ConnectionSettings,
    leadMs: number,
  ) {
    this.#settings = settings;
    this.#leadMs = leadMs;
    this.#transport = create({
      ...graphqlTransportWs,
      encodePing: () => this.#takePing(),
      decode: (frame) => {
        const message = graphqlTransportWs.decode(frame);
        // its payload is none of the machine's business
        if (message?.type === 'pong')
          this.#learn((message as { readonly payload?: unknown }).payload);
        return message;
      },
    });
  }

  connect(listener: ConnectionListener): Connection {
    this.#leave();
    const connection = this.#transport.connect(this.#settings, {
      connected: (ackPayload) => {
        this.#learn(ackPayload);
        listener.connected(ackPayload);
      },
      violated: (message) => listener.violated(message),
      closed: (failure) => {
        this.#leave();
        listener.closed(failure);
      },
    });
    this.#connection = connection;
    return {
      start: (operation, sink) => connection.start(operation, sink),
      probe: () => connection.probe?.(),
      close: () => {
        if (this.#connection === connection) this.#leave();
        connection.close();
      },
    };
  }

  /** The server may have said when the session ends. */
  #learn(payload: unknown): void {
    const expiresInMs = readExpiry(payload);
    const { clock, connectionParams } = this.#settings;
    if (expiresInMs === undefined || typeof connectionParams !== 'function') return;
    this.#expiresAt = clock.now() + expiresInMs;
    this.#schedule();
  }

  #schedule(): void {
    const { clock } = this.#settings;
    const leftMs = this.#expiresAt - clock.now();
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    if (leftMs < leastMs) return;
    const delayMs = leftMs - Math.min(this.#leadMs, leftMs / 2);
    this.#cancelTimer = clock.schedule(() => void this.#renew(), delayMs); // never rejects
  }

  async #renew(): Promise<void> {
    const connection = this.#connection;
    try {
      const auth = await provide(this.#settings.connectionParams);
      if (this.#connection !== connection) return;
      if (auth) {
        this.#pingFrame = encodeClientMessage({ type: 'ping', payload: { auth } });
        connection?.probe?.();
      }
    } catch {
      // there is time for another attempt, and the end of the connection asks the function where its failure is reported
    }
    if (this.#connection === connection) this.#schedule();
  }

  #takePing(): string {
    const pingFrame = this.#pingFrame ?? plainPing;
    this.#pingFrame = undefined;
    return pingFrame;
  }

  #leave(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#connection = undefined;
    this.#pingFrame = undefined;
    this.#expiresAt = never;
  }
}
