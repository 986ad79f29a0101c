import { systemClock } from '../client/system-clock.ts';
import { Arrivals } from './arrivals.ts';
import type { LaneClock } from './lane.ts';
import { createTestWebSocket } from './memory-link.ts';
import type { TestWebSocket } from './test-socket.ts';
import { PeerConnection } from './peer-connection.ts';
import type { MessagePattern, PeerMessage, ReceivedMessage } from './peer-connection.ts';

/** Options of {@link scriptedPeer}. */
export interface ScriptedPeerOptions {
  /** Passes the time of delays. @defaultValue the clock of the runtime */
  readonly clock?: LaneClock;
  /** How long, in real milliseconds, it waits for what the client shall do. @defaultValue 1_000 */
  readonly patienceMs?: number;
}

/**
 * A server of WebSockets that a test plays: it says what the client must send, and what the answers are.
 *
 * @remarks
 * Everything but `accept`, `refuse` and `acknowledge`, which wait for the client's next attempt to connect, is about the connection that was accepted last.
 */
export interface ScriptedPeer {
  /** For `websocket({ WebSocket })`. */
  readonly WebSocket: TestWebSocket;
  /** All that the client attempted, the oldest first, with the messages of each. */
  readonly connections: readonly PeerConnection[];
  /** The connection that was accepted last. */
  readonly connection: PeerConnection;
  /** Waits for the client to connect, and lets it. @param subprotocol - the first that it offers unless given */
  accept(subprotocol?: string): Promise<PeerConnection>;
  /** Waits for the client to connect, and has the attempt fail. */
  refuse(error?: unknown): Promise<void>;
  /** Waits for the client to connect and to send `connection_init`, and acknowledges. */
  acknowledge(payload?: object): Promise<PeerConnection>;
  /** Takes the client's next message, which must have everything that `pattern` has. */
  expect(pattern: MessagePattern): Promise<ReceivedMessage>;
  /** Sends messages, one after the other. */
  send(...messages: readonly PeerMessage[]): void;
  close(code: number, reason?: string): void;
  /** Ends the connection without a close frame, behind what was sent. */
  drop(): void;
  /** An error event without a close event, as some runtimes have it. */
  fail(error?: unknown): void;
}

/** Makes a server for a test to play. */
export function scriptedPeer({
  clock = systemClock,
  patienceMs = 1_000,
}: ScriptedPeerOptions = {}): ScriptedPeer {
  const connections: PeerConnection[] = [];
  const attempts = new Arrivals<PeerConnection>(patienceMs);
  const WebSocket = createTestWebSocket(clock, (link) => {
    const connection = new PeerConnection(link, patienceMs, () => attempts.push(connection));
    connections.push(connection);
    return connection.end;
  });
  let current: PeerConnection | undefined;
  const inUse = (): PeerConnection => {
    if (!current) throw new Error('No connection was accepted yet.');
    return current;
  };
  const nextAttempt = (): Promise<PeerConnection> =>
    attempts.next(
      () => `The client did not connect; it did so ${connections.length} times before.`,
    );
  const accept: ScriptedPeer['accept'] = async (subprotocol) => {
    current = await nextAttempt();
    current.accept(subprotocol);
    return current;
  };
  return {
    WebSocket,
    connections,
    get connection() {
      return inUse();
    },
    accept,
    refuse: async (error) => (await nextAttempt()).refuse(error),
    async acknowledge(payload) {
      const connection = await accept();
      await connection.expect({ type: 'connection_init' });
      connection.send({ type: 'connection_ack', ...(payload && { payload }) });
      return connection;
    },
    expect: async (pattern) => inUse().expect(pattern),
    send: (...messages) => inUse().send(...messages),
    close: (code, reason) => inUse().close(code, reason),
    drop: () => inUse().drop(),
    fail: (error) => inUse().fail(error),
  };
}
