import type { Socket } from 'node:net';

import type { LaneClock } from './lane.ts';
import type { Direction } from './memory-link.ts';
import { ProxyPipe } from './proxy-pipe.ts';
import type { CutAmount, Weather } from './proxy-pipe.ts';

/** What a {@link ProxiedConnection} is made of. */
export interface ProxiedParts {
  readonly client: Socket;
  readonly server: Socket;
  readonly weather: Readonly<Record<Direction, Weather>>;
  readonly clock: LaneClock;
  readonly random: () => number;
  readonly onGone: (connection: ProxiedConnection) => void;
}

/** One TCP connection through a proxy, and what can go wrong on it. */
export class ProxiedConnection {
  readonly #parts: ProxiedParts;
  readonly #toServer: ProxyPipe;
  readonly #toClient: ProxyPipe;
  #isHalfOpen = false;

  constructor(parts: ProxiedParts) {
    const { client, server, weather, clock, random, onGone } = parts;
    const reset = (): void => this.reset();
    const common = { clock, random, reset };
    this.#parts = parts;
    this.#toServer = new ProxyPipe({
      ...common,
      from: client,
      to: server,
      weather: weather['to-server'],
    });
    this.#toClient = new ProxyPipe({
      ...common,
      from: server,
      to: client,
      weather: weather['to-client'],
    });
    for (const socket of [client, server]) {
      socket.setNoDelay(true);
      // one end was lost without a word, so the other shall be
      socket.on('error', () => this.#isHalfOpen || this.reset());
      socket.on('close', () => client.destroyed && server.destroyed && onGone(this));
    }
  }

  /** Whether everything is lost on it. */
  get isHalfOpen(): boolean {
    return this.#isHalfOpen;
  }

  /** Ends it with a TCP reset to both ends. */
  reset(): void {
    for (const pipe of this.#pipesOf()) pipe.stop();
    resetNow(this.#parts.client);
    resetNow(this.#parts.server);
  }

  /** Resets it once so much has passed from now on, and nothing more. */
  resetAfter(amount: CutAmount, direction: Direction = 'to-client'): void {
    for (const pipe of this.#pipesOf(direction)) pipe.cutAfter(amount);
  }

  /** Loses everything from now on: neither end learns anything, not even that the other has left. */
  goHalfOpen(): void {
    this.#isHalfOpen = true;
    for (const pipe of this.#pipesOf()) pipe.swallow();
  }

  /** Reads nothing more, so that whoever writes has to wait; nothing is lost. */
  stall(direction?: Direction): void {
    for (const pipe of this.#pipesOf(direction)) pipe.stall();
  }

  /** Goes on reading. */
  release(direction?: Direction): void {
    for (const pipe of this.#pipesOf(direction)) pipe.release();
  }

  #pipesOf(direction?: Direction): readonly ProxyPipe[] {
    if (direction === undefined) return [this.#toServer, this.#toClient];
    return [direction === 'to-server' ? this.#toServer : this.#toClient];
  }
}

/** Sends a TCP reset, and nothing before it. */
function resetNow(socket: Socket): void {
  // Node ends the stream first, and then the peer sees an orderly end, if it is quick
  socket.destroySoon = () => socket.destroy();
  socket.resetAndDestroy();
}
