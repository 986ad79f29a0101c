import { systemClock } from '../client/system-clock.ts';
import type { MessageSocket, RequestHead, Server, SocketEvents } from '../server/index.ts';
import type { Frame } from '../vocabulary.ts';
import type { LaneClock } from './lane.ts';
import { createTestWebSocket } from './memory-link.ts';
import type { Faults, MemoryLink, RemoteEnd } from './memory-link.ts';
import type { SocketAttempt, TestWebSocket } from './test-socket.ts';

/** Options of {@link inMemoryWebSocket}. */
export interface InMemoryWebSocketOptions {
  /** Passes the time of {@link Faults.delay}; normally the one that the client and the server have. @defaultValue the clock of the runtime */
  readonly clock?: LaneClock;
}

/** One connection to a server in memory, with what can go wrong on it. */
export interface MemoryConnection extends Faults {
  /** What the client opened it with. */
  readonly attempt: SocketAttempt;
}

/** Sockets without a network between clients and one server. */
export interface InMemoryWebSocket {
  /** For `websocket({ WebSocket })`. */
  readonly WebSocket: TestWebSocket;
  /** All that were attempted, the oldest first. */
  readonly connections: readonly MemoryConnection[];
  /** The newest connection. */
  readonly connection: MemoryConnection;
  /** From now on nobody can connect, as if nothing listened there. */
  goOffline(): void;
  /** Ends that. */
  goOnline(): void;
}

/**
 * Connects clients to a real server of ours, without a network.
 *
 * @remarks
 * The server decides on each upgrade as over HTTP: subprotocols, origins and limits are its own.
 */
export function inMemoryWebSocket(
  server: Pick<Server, 'open' | 'decideUpgrade'>,
  { clock = systemClock }: InMemoryWebSocketOptions = {},
): InMemoryWebSocket {
  const links: MemoryLink[] = [];
  const door: Door = { server, isOpen: true };
  const WebSocket = createTestWebSocket(clock, (link) => {
    links.push(link);
    return new ServedEnd(link, door);
  });
  return {
    WebSocket,
    connections: links,
    get connection() {
      const link = links.at(-1);
      if (!link) throw new Error('Nobody has connected yet.');
      return link;
    },
    goOffline: () => {
      door.isOpen = false;
    },
    goOnline: () => {
      door.isOpen = true;
    },
  };
}

interface Door {
  readonly server: Pick<Server, 'open' | 'decideUpgrade'>;
  isOpen: boolean;
}

/** Does for a link what an adapter does for a socket. */
class ServedEnd implements RemoteEnd, MessageSocket {
  readonly #link: MemoryLink;
  readonly #door: Door;
  #events: SocketEvents | undefined;

  constructor(link: MemoryLink, door: Door) {
    this.#link = link;
    this.#door = door;
  }

  attempted(): void {
    const { server, isOpen } = this.#door;
    if (!isOpen) return this.#link.refuse();
    const request = toRequestHead(this.#link.attempt);
    const decision = server.decideUpgrade(request);
    switch (decision.kind) {
      case 'refuse':
        return this.#link.refuse();
      case 'accept-and-close':
        this.#link.accept('');
        return this.#link.close(decision.code, decision.reason);
      case 'accept':
        this.#link.accept(decision.subprotocol);
        this.#events = server.open(this, { protocol: decision.protocol, request });
    }
  }

  message(frame: Frame): void {
    this.#events?.message(frame);
  }

  heard(): void {
    this.#events?.heard();
  }

  drained(): void {
    this.#events?.drained();
  }

  closed(code: number, reason: string): void {
    this.#events?.closed(code, reason);
  }

  send(frame: string): void {
    this.#link.send(frame);
  }

  ping(): void {
    this.#link.ping();
  }

  close(code: number, reason: string): void {
    this.#link.close(code, reason);
  }

  destroy(): void {
    this.#link.destroy();
  }

  get bufferedBytes(): number {
    return this.#link.bufferedBytes;
  }
}

function toRequestHead({ url, subprotocols, headers }: SocketAttempt): RequestHead {
  const { pathname, search, host } = new URL(url);
  const offered = subprotocols.length > 0 && {
    'sec-websocket-protocol': subprotocols.join(', '),
  };
  return { method: 'GET', url: `${pathname}${search}`, headers: { host, ...headers, ...offered } };
}
