import type { Frame } from '../vocabulary.ts';
import { Lane } from './lane.ts';
import type { LaneClock } from './lane.ts';
import { TestSocket } from './test-socket.ts';
import type { SocketAttempt, SocketWire, TestWebSocket } from './test-socket.ts';

/** Which way something goes. */
export type Direction = 'to-server' | 'to-client';

/** What can go wrong between a client and a server in memory; without a direction, both ways. */
export interface Faults {
  /** Ends the connection without a close frame: both ends see 1006. What was stalled or delayed is lost. */
  drop(): void;
  /** Lets nothing pass until `release`; nothing is lost. */
  stall(direction?: Direction): void;
  /** Lets everything pass that waited, in order. */
  release(direction?: Direction): void;
  /** Loses everything from now on, and tells nobody: the server does not hear, the client does not learn. */
  goHalfOpen(): void;
  /** The next message arrives twice. */
  duplicateNext(direction: Direction): void;
  /** How long what is sent from now on is on its way, on the clock of the test. */
  delay(delayMs: number, direction?: Direction): void;
}

/** Whoever answers a client over a {@link MemoryLink}. */
export interface RemoteEnd {
  /** Somebody wants to connect: the answer is `accept` or `refuse` of the link, now or later. */
  attempted(): void;
  message(frame: Frame): void;
  /** A pong arrived. */
  heard?(): void;
  /** There is room again for what waited. */
  drained?(): void;
  /** The connection is over; called once. */
  closed(code: number, reason: string): void;
}

type ToServer =
  | { readonly kind: 'attempt' | 'pong' }
  | { readonly kind: 'message'; readonly frame: Frame }
  | { readonly kind: 'close'; readonly code: number; readonly reason: string };

type ToClient =
  | { readonly kind: 'ping' }
  | { readonly kind: 'opened'; readonly subprotocol: string }
  | { readonly kind: 'message'; readonly frame: Frame }
  | { readonly kind: 'failed' | 'refused'; readonly error: unknown }
  | { readonly kind: 'close'; readonly code: number; readonly reason: string };

/** A connection between a {@link TestSocket} and whoever stands in for the server. */
export class MemoryLink implements Faults {
  /** The client's end. */
  readonly socket: TestSocket;
  /** What the client's end calls. */
  readonly wire: SocketWire = {
    send: (frame) => this.#pushMessage('to-server', frame),
    close: (code, reason) => this.#toServer.push({ kind: 'close', code, reason }),
    giveUp: () => this.#giveUp(),
  };
  readonly #toServer: Lane<ToServer>;
  readonly #toClient: Lane<ToClient>;
  readonly #duplicates: Record<Direction, number> = { 'to-server': 0, 'to-client': 0 };
  readonly #remote: RemoteEnd;
  #isRemoteGone = false;

  constructor(socket: TestSocket, clock: LaneClock, toRemote: ToRemote) {
    this.socket = socket;
    this.#toServer = new Lane(clock, (item) => this.#arriveAtServer(item));
    this.#toClient = new Lane(clock, (item) => this.#arriveAtClient(item));
    this.#remote = toRemote(this);
    this.#toServer.push({ kind: 'attempt' });
  }

  /** What the client opened the socket with. */
  get attempt(): SocketAttempt {
    return this.socket.attempt;
  }

  /** Characters of messages for the client that are held up. */
  get bufferedBytes(): number {
    if (!this.#toClient.isStalled) return 0;
    return this.#toClient.waiting.reduce(
      (sum, item) => sum + (item.kind === 'message' ? item.frame.length : 0),
      0,
    );
  }

  accept(subprotocol: string): void {
    this.#toClient.push({ kind: 'opened', subprotocol });
  }

  /** The attempt fails: an error event and a close event with 1006, which is all that a browser tells. */
  refuse(error?: unknown): void {
    this.#toClient.push({ kind: 'refused', error });
    this.#endRemote(1006, '');
  }

  send(frame: Frame): void {
    this.#pushMessage('to-client', frame);
  }

  ping(): void {
    this.#toClient.push({ kind: 'ping' });
  }

  close(code: number, reason: string): void {
    this.#toClient.push({ kind: 'close', code, reason });
  }

  /** The client gets an error event without a close event, as some runtimes have it. */
  fail(error?: unknown): void {
    this.#toClient.push({ kind: 'failed', error });
    this.#endRemote(1006, '');
  }

  /** The server leaves without a close frame. */
  destroy(): void {
    this.#toClient.push({ kind: 'close', code: 1006, reason: '' });
    this.#endRemote(1006, '');
  }

  drop(): void {
    for (const lane of this.#lanesOf()) {
      lane.lose();
      lane.push({ kind: 'close', code: 1006, reason: '' });
    }
  }

  stall(direction?: Direction): void {
    for (const lane of this.#lanesOf(direction)) lane.stall();
  }

  release(direction?: Direction): void {
    for (const lane of this.#lanesOf(direction)) lane.release();
    if (direction !== 'to-server' && !this.#isRemoteGone) this.#remote.drained?.();
  }

  goHalfOpen(): void {
    for (const lane of this.#lanesOf()) lane.cut();
  }

  duplicateNext(direction: Direction): void {
    this.#duplicates[direction] += 1;
  }

  delay(delayMs: number, direction?: Direction): void {
    for (const lane of this.#lanesOf(direction)) lane.delayMs = delayMs;
  }

  #lanesOf(direction?: Direction): readonly (Lane<ToServer> | Lane<ToClient>)[] {
    const lanes = { 'to-server': this.#toServer, 'to-client': this.#toClient };
    return direction === undefined ? Object.values(lanes) : [lanes[direction]];
  }

  #pushMessage(direction: Direction, frame: Frame): void {
    const copies = this.#duplicates[direction] > 0 ? 2 : 1;
    this.#duplicates[direction] -= copies - 1;
    const lane = direction === 'to-server' ? this.#toServer : this.#toClient;
    for (let copy = 0; copy < copies; copy += 1) lane.push({ kind: 'message', frame });
  }

  /** The client leaves before the socket was open: no handshake ends what none began. */
  #giveUp(): void {
    this.#toServer.push({ kind: 'close', code: 1006, reason: '' });
    queueMicrotask(() => this.socket.ended(1006, ''));
  }

  #arriveAtServer(item: ToServer): void {
    if (this.#isRemoteGone) return;
    switch (item.kind) {
      case 'attempt':
        return this.#remote.attempted();
      case 'message':
        return this.#remote.message(item.frame);
      case 'pong':
        return this.#remote.heard?.();
      case 'close':
        this.#toClient.push(item);
        return this.#endRemote(item.code, item.reason);
    }
  }

  #arriveAtClient(item: ToClient): void {
    switch (item.kind) {
      case 'opened':
        return this.socket.opened(item.subprotocol);
      case 'message':
        return this.socket.received(item.frame);
      case 'ping':
        return this.#toServer.push({ kind: 'pong' });
      case 'failed':
        return this.socket.failed(item.error);
      case 'refused':
        return this.socket.refused(item.error);
      case 'close':
        this.#toServer.push(item);
        return this.socket.ended(item.code, item.reason);
    }
  }

  #endRemote(code: number, reason: string): void {
    if (this.#isRemoteGone) return;
    this.#isRemoteGone = true;
    queueMicrotask(() => this.#remote.closed(code, reason));
  }
}

/** Makes the other end of a link, to which nothing has happened yet. */
export type ToRemote = (link: MemoryLink) => RemoteEnd;

/** A class of sockets; `toRemote` provides the other end of each. */
export function createTestWebSocket(clock: LaneClock, toRemote: ToRemote): TestWebSocket {
  return class extends TestSocket {
    constructor(
      url: string | URL,
      subprotocols: string | readonly string[] = [],
      options: { readonly headers?: Readonly<Record<string, string>> } = {},
    ) {
      const headers = Object.entries(options.headers ?? {}).map(
        ([name, value]) => [name.toLowerCase(), value] as const,
      );
      super(
        {
          url: String(url),
          subprotocols: [subprotocols].flat(),
          headers: Object.fromEntries(headers),
        },
        (socket) => new MemoryLink(socket, clock, toRemote).wire,
      );
    }
  };
}
