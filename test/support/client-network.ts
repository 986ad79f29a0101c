import type { ClientClock } from '../../src/client/transport.ts';
import type { SocketHandlers, WebSocketLike } from '../../src/client/transports/socket.ts';
import { utf8Length } from '../../src/protocol/utf8-length.ts';

/** What a server does with a socket that a client opened. */
export interface Peer {
  message?(frame: string): void;
  closed?(code: number, reason: string): void;
}

/** How a connection attempt goes: `hang` is a host that does not answer, `stranger` a server that speaks no subprotocol of ours. */
export type Dial = 'open' | 'refuse' | 'hang' | 'stranger';

/** What a network is made of. */
export interface NetworkParts {
  readonly clock: ClientClock;
  /** Called when a socket has opened; what it returns hears the client. */
  readonly accept: (link: Link) => Peer;
  /** How long the next thing is under way, in milliseconds. @defaultValue 0 */
  readonly delay?: () => number;
}

/** A network in memory: keeps the order of what goes one way on one connection, and of nothing else. */
export class ClientNetwork {
  /** Each socket that was ever opened, in this order. */
  readonly links: Link[] = [];
  /** How the next attempts go. */
  dial: Dial = 'open';
  /** For `websocket({ WebSocket })`. */
  readonly WebSocket: new (url: string, subprotocol: string) => WebSocketLike;

  constructor(parts: NetworkParts) {
    const { links } = this;
    const dial = (): Dial => this.dial;
    this.WebSocket = class extends Link {
      constructor(url: string, subprotocol: string) {
        super(parts, { url, subprotocol, dial: dial() });
        links.push(this);
      }
    };
  }

  /** The newest connection. */
  get link(): Link {
    const link = this.links.at(-1);
    if (!link) throw new Error('nobody has connected');
    return link;
  }

  /** Connections that the client has not given up. */
  get inUse(): readonly Link[] {
    return this.links.filter(({ readyState }) => readyState < 2);
  }
}

interface Call {
  readonly url: string;
  readonly subprotocol: string;
  readonly dial: Dial;
}

type Direction = 'toClient' | 'toServer';

/** One connection: a WebSocket (WHATWG) for the client, a few methods for the server. */
export class Link implements WebSocketLike, SocketHandlers {
  onopen: (() => void) | null = null;
  onmessage: ((event: { readonly data: unknown }) => void) | null = null;
  onerror: ((event: { readonly error?: unknown }) => void) | null = null;
  onclose: ((event: { readonly code: number; readonly reason: string }) => void) | null = null;
  binaryType = 'blob';
  protocol = '';
  /** As in WHATWG WebSockets: 0 connecting, 1 open, 2 closing, 3 closed. */
  readyState: 0 | 1 | 2 | 3 = 0;
  readonly url: string;
  readonly subprotocol: string;
  /** What the client wrote and what it read, in its order. */
  readonly sent: string[] = [];
  readonly read: string[] = [];
  /** How the client closed it, if it did. */
  closing: { readonly code: number; readonly reason: string } | undefined;
  /** Called for each frame as the client writes or reads it. */
  onTraffic: (kind: 'sent' | 'read', frame: string) => void = () => {};
  readonly #parts: NetworkParts;
  #peer: Peer | undefined;
  #isServerOpen = false;
  #isStalled = false;
  readonly #lastAt = { toClient: 0, toServer: 0 };

  constructor(parts: NetworkParts, { url, subprotocol, dial }: Call) {
    this.#parts = parts;
    this.url = url;
    this.subprotocol = subprotocol;
    if (dial === 'hang') this.#isStalled = true;
    this.#post('toServer', () => {
      if (dial === 'refuse') return this.#post('toClient', () => this.#vanish());
      this.#isServerOpen = true;
      this.#peer = parts.accept(this);
      this.#post('toClient', () => this.#open(dial === 'stranger' ? '' : subprotocol));
    });
  }

  /** Of the client. */
  send(frame: string): void {
    if (this.readyState === 0) throw new DOMException('Still in CONNECTING', 'InvalidStateError');
    if (this.readyState !== 1) return;
    this.sent.push(frame);
    this.onTraffic('sent', frame);
    this.#post('toServer', () => this.#peer?.message?.(frame));
  }

  /** Of the client; refuses what browsers refuse. */
  close(code: number, reason: string): void {
    if (code !== 1000 && (code < 3000 || code > 4999)) {
      throw new DOMException(`${code} is reserved`, 'InvalidAccessError');
    }
    if (utf8Length(reason) > 123) throw new DOMException('the reason is too long', 'SyntaxError');
    if (this.readyState >= 2) return;
    const wasConnecting = this.readyState === 0;
    this.readyState = 2;
    this.closing = { code, reason };
    this.#post('toServer', () => this.#closeServer(wasConnecting ? 1006 : code, reason));
    this.#post('toClient', () =>
      wasConnecting ? this.#vanish() : this.#closeClient(code, reason),
    );
  }

  /** Of the server: sends `message`, a frame or what becomes JSON. */
  push(message: unknown): void {
    if (!this.#isServerOpen) return;
    const frame = typeof message === 'string' ? message : JSON.stringify(message);
    this.#post('toClient', () => this.#receive(frame));
  }

  /** Of the server: a WebSocket ping, which the client's runtime answers. */
  ping(answered: () => void): void {
    this.#post('toClient', () => {
      if (this.readyState < 3) this.#post('toServer', answered);
    });
  }

  /** Of the server. */
  hangUp(code: number, reason = ''): void {
    if (!this.#isServerOpen) return;
    this.#isServerOpen = false;
    this.#post('toClient', () => {
      this.#closeClient(code, reason);
      this.#post('toServer', () => this.#peer?.closed?.(code, reason));
    });
  }

  /** Loses what is under way; both sides learn of it. */
  cut(): void {
    this.#parts.clock.schedule(() => this.#vanish(), 0);
    this.#parts.clock.schedule(() => this.#closeServer(1006, ''), 0);
    this.#isStalled = true;
  }

  /** From now on nothing arrives, and nobody learns of it. */
  stall(): void {
    this.#isStalled = true;
  }

  /** The server's process ends the TCP connection. */
  destroy(): void {
    this.#closeServer(1006, '');
    this.#post('toClient', () => this.#vanish());
  }

  #open(subprotocol: string): void {
    if (this.readyState !== 0) return;
    this.readyState = 1;
    this.protocol = subprotocol;
    this.onopen?.();
  }

  #receive(frame: string): void {
    if (this.readyState !== 1) return;
    this.read.push(frame);
    this.onTraffic('read', frame);
    this.onmessage?.({ data: frame });
  }

  #vanish(): void {
    if (this.readyState === 3) return;
    this.readyState = 3;
    this.onerror?.({});
    this.onclose?.({ code: 1006, reason: '' });
  }

  #closeClient(code: number, reason: string): void {
    if (this.readyState === 3) return;
    this.readyState = 3;
    this.onclose?.({ code, reason });
  }

  #closeServer(code: number, reason: string): void {
    this.#isServerOpen = false;
    this.#peer?.closed?.(code, reason);
  }

  #post(direction: Direction, arrive: () => void): void {
    const { clock, delay } = this.#parts;
    const at = Math.max(this.#lastAt[direction], clock.now() + (delay?.() ?? 0));
    this.#lastAt[direction] = at;
    clock.schedule(() => {
      if (!this.#isStalled) arrive();
    }, at - clock.now());
  }
}
