import { WebSocket } from 'ws';

import type { ClientEnd, Observation } from '../transcripts/replay-server.ts';

const patienceMs = 5_000;

/** A real WebSocket to a server. */
export interface SocketClient extends ClientEnd {
  readonly socket: WebSocket;
}

/** Opens a real socket; resolves once it is open. */
export async function connectSocket(
  url: string,
  subprotocols: string | string[] | undefined,
  headers: Readonly<Record<string, string>> = {},
): Promise<SocketClient> {
  const socket = new WebSocket(url.replace(/^http/, 'ws'), subprotocols, {
    headers: { ...headers },
  });
  const observations: Observation[] = [];
  let wake: (() => void) | undefined;
  const observe = (observation: Observation): void => {
    observations.push(observation);
    wake?.();
  };
  let hasClosed = false;
  socket.on('message', (bytes: Buffer) =>
    observe({ kind: 'message', message: JSON.parse(bytes.toString('utf8')) }),
  );
  socket.on('close', (code, reason) => {
    const wasOurs = hasClosed;
    hasClosed = true;
    if (!wasOurs) observe({ kind: 'close', code, reason: reason.toString('utf8') });
  });
  await new Promise((resolve, reject) => {
    socket.once('open', resolve);
    socket.once('error', reject);
  });

  /** The server has read what we sent, and we what it answered, once it has answered a ping. */
  const roundTrip = async (): Promise<void> => {
    if (socket.readyState !== WebSocket.OPEN) return;
    await new Promise<void>((resolve) => {
      const stop = (): void => {
        socket.off('pong', stop).off('close', stop);
        resolve();
      };
      socket.on('pong', stop).on('close', stop);
      socket.ping();
    });
  };

  return {
    socket,
    send: (frame) => socket.send(frame),
    pong: () => socket.pong(),
    close: (code) => {
      hasClosed = true;
      socket.close(code);
    },
    async next() {
      if (observations.length === 0) {
        await new Promise<void>((resolve, reject) => {
          const timer = setTimeout(() => reject(new Error('the server said nothing')), patienceMs);
          wake = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      }
      const observation = observations.shift();
      if (!observation) throw new Error('the server said nothing');
      return observation;
    },
    async rest() {
      for (let trips = 0; trips < 3; trips += 1) await roundTrip();
      return [...observations];
    },
  };
}
