import type { Server } from 'millrace/server';
import type { MessageSocket } from 'millrace/server';
import type { VirtualClock } from 'millrace/testing';

import type { WebSocketProtocol } from '../../src/vocabulary.ts';
import type { ClientEnd, Observation } from '../transcripts/replay-server.ts';

/** A socket in memory between a test and a server, on a virtual clock. */
export interface MemoryClient extends ClientEnd {
  readonly advance: (durationMs: number) => Promise<void>;
  /** Bytes that pretend to wait in the socket. */
  bufferedBytes: number;
  /** What was written is taken by the system. */
  drain(): void;
  /** Ends the connection without a close frame. */
  vanish(): void;
}

/** Connects to `server` as an adapter would. A close of the server is answered at once unless `answersClose` is false. */
export function connectInMemory(
  server: Pick<Server, 'open'>,
  clock: VirtualClock,
  {
    protocol = 'graphql-transport-ws',
    answersClose = true,
    pings = true,
    url = '/graphql',
    headers = {},
  }: MemoryClientOptions = {},
): MemoryClient {
  const observations: Observation[] = [];
  let isOpen = true;
  const socket: MessageSocket = {
    send: (frame) => {
      if (isOpen) observations.push({ kind: 'message', message: JSON.parse(frame) });
    },
    ...(pings && { ping: () => observations.push({ kind: 'ping' }) }),
    close: (code, reason) => {
      observations.push({ kind: 'close', code, reason });
      if (answersClose) end(code, reason);
    },
    destroy: () => {
      observations.push({ kind: 'destroyed' });
      end(1006, '');
    },
    get bufferedBytes() {
      return client.bufferedBytes;
    },
  };
  const events = server.open(socket, {
    protocol,
    request: { method: 'GET', url, headers },
  });
  function end(code: number, reason: string): void {
    if (!isOpen) return;
    isOpen = false;
    // a real socket tells later, never from inside close()
    queueMicrotask(() => events.closed(code, reason));
  }
  const client: MemoryClient = {
    bufferedBytes: 0,
    send: (frame) => {
      if (isOpen) events.message(frame);
    },
    pong: () => events.heard(),
    close: (code) => end(code, ''),
    vanish: () => end(1006, ''),
    drain: () => {
      client.bufferedBytes = 0;
      events.drained();
    },
    async next() {
      await clock.settle();
      const observation = observations.shift();
      if (!observation) throw new Error('the server said nothing');
      return observation;
    },
    async rest() {
      await clock.settle();
      return [...observations];
    },
    advance: (durationMs) => clock.advance(durationMs),
  };
  return client;
}

/** What {@link connectInMemory} pretends to be. */
export interface MemoryClientOptions {
  readonly protocol?: WebSocketProtocol;
  readonly answersClose?: boolean;
  /** Whether its runtime can send WebSocket pings. */
  readonly pings?: boolean;
  readonly url?: string;
  readonly headers?: Readonly<Record<string, string>>;
}
