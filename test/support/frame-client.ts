import type { FrameSocket, Server, SocketCompression, SocketEvents } from 'millrace/server';
import type { VirtualClock } from 'millrace/testing';

import type { WebSocketProtocol } from '../../src/vocabulary.ts';
import { readCompressedFrames, readFrames } from './read-frames.ts';

/** Something that a server did to a socket which takes frames. */
export type SocketAction =
  | { readonly kind: 'write'; readonly bytes: Buffer }
  | { readonly kind: 'close'; readonly code: number }
  | { readonly kind: 'destroy' };

/** A socket in memory that takes frames, between a test and a server. What is written is taken by the system at once, unless it is told otherwise. */
export class FrameClient implements FrameSocket {
  readonly actions: SocketAction[] = [];
  /** Bytes that pretend to wait in the socket. */
  bufferedBytes = 0;
  /** Whether what is written waits in the socket until {@link FrameClient.drain}. */
  isStalled = false;
  /** Whether somebody waits for the system to take what waits. */
  isAskedToNotify = false;
  readonly #clock: VirtualClock;
  #events: SocketEvents | undefined;
  #compression: SocketCompression | undefined;

  constructor(clock: VirtualClock) {
    this.#clock = clock;
  }

  connect(
    server: Pick<Server, 'open'>,
    protocol: WebSocketProtocol = 'graphql-transport-ws',
    compression?: SocketCompression,
  ): void {
    const request = { method: 'GET', url: '/graphql', headers: {} };
    this.#compression = compression;
    this.#events = server.open(this, { protocol, request, ...(compression && { compression }) });
  }

  writeBytes(bytes: string): void {
    this.#write(Buffer.from(bytes, 'latin1'));
  }

  writeShared(head: string, shared: Uint8Array): void {
    this.#write(Buffer.concat([Buffer.from(head, 'latin1'), shared]));
  }

  writeReusable(bytes: Uint8Array): 'reusable' | 'in-use' {
    this.#write(Buffer.from(bytes));
    return this.isStalled ? 'in-use' : 'reusable';
  }

  allocate(bytes: number): Uint8Array {
    return new Uint8Array(bytes);
  }

  notifyDrained(): void {
    this.isAskedToNotify = true;
    if (!this.isStalled && this.bufferedBytes === 0) queueMicrotask(() => this.drain());
  }

  send(): void {
    throw new Error('a socket that takes frames gets no texts');
  }

  ping(): void {
    throw new Error('a socket that takes frames gets its pings as frames');
  }

  close(code: number): void {
    this.actions.push({ kind: 'close', code });
    queueMicrotask(() => this.#events?.closed(code, ''));
  }

  destroy(): void {
    this.actions.push({ kind: 'destroy' });
    queueMicrotask(() => this.#events?.closed(1006, ''));
  }

  /** The system takes what waits, and tells who asked. */
  drain(): void {
    this.bufferedBytes = 0;
    if (!this.isAskedToNotify) return;
    this.isAskedToNotify = false;
    this.#events?.drained();
  }

  /** Sends a message to the server. */
  say(message: object): void {
    this.#events?.message(JSON.stringify(message));
  }

  subscribe(id: string | number, query: string, variables: object = {}): void {
    this.say({ id, type: 'subscribe', payload: { query, variables } });
  }

  vanish(): void {
    this.#events?.closed(1006, '');
  }

  /** Waits until nothing happens any more, and forgets what was done until then. */
  async settled(): Promise<readonly SocketAction[]> {
    await this.#clock.settle();
    return this.actions.splice(0);
  }

  /** Messages, and `ping` for pings, that were written since the last call. */
  async heard(): Promise<readonly unknown[]> {
    const bytes = Buffer.concat(writesIn(await this.settled()));
    const texts = await (this.#compression
      ? readCompressedFrames(bytes, this.#compression.windowBits)
      : readFrames(bytes));
    return texts.map((text) => (text === 'ping' ? text : (JSON.parse(text) as unknown)));
  }

  #write(bytes: Buffer): void {
    this.actions.push({ kind: 'write', bytes });
    if (this.isStalled) this.bufferedBytes += bytes.length;
  }
}

export function writesIn(actions: readonly SocketAction[]): readonly Buffer[] {
  return actions.flatMap((action) => (action.kind === 'write' ? [action.bytes] : []));
}
