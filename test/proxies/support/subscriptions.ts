import { once } from 'node:events';

import { expect, onTestFinished } from 'vitest';

import { sendHttp } from '../../support/http-client.ts';
import { connectSocket } from '../../support/socket-client.ts';
import { openStream } from './response-stream.ts';
import type { ResponseEnd, StreamedResponse } from './response-stream.ts';

/** A subscription of a client behind a proxy, whatever carries it. */
export interface ProxiedSubscription {
  /** Resolves once the event with this text is there. */
  event(text: string): Promise<void>;
  /** Resolves once the server has shown `count` times that the idle stream lives. */
  heartbeats(count: number): Promise<void>;
  /** How it ended: a close code of WebSocket, or whether the response was whole. */
  readonly ended: Promise<ResponseEnd | number>;
  /** Closes the connection; resolves once this end of it is closed. */
  leave(): Promise<unknown>;
  /** Reads nothing any more. */
  pause(): void;
}

const document = 'subscription ($room: ID!) { message(room: $room) { text } }';

/** Opens a subscription to the messages of `room` at the GraphQL path `url`; resolves once its transport said its first word. */
type Opening = (url: string, operation?: Operation) => Promise<ProxiedSubscription>;

interface Operation {
  readonly query: string;
  readonly variables?: Readonly<Record<string, unknown>>;
}

const lobby: Operation = { query: document, variables: { room: 'lobby' } };

export const openings = {
  'graphql-transport-ws': (url, operation = lobby) =>
    overWebSocket(url, {
      token: 'graphql-transport-ws',
      start: { id: '1', type: 'subscribe', payload: operation },
      next: 'next',
    }),
  'subscriptions-transport-ws': (url, operation = lobby) =>
    overWebSocket(url, {
      token: 'graphql-ws',
      start: { id: '1', type: 'start', payload: operation },
      next: 'data',
    }),
  sse: async (url, operation = lobby) => {
    const response = await openStream(url, {
      headers: { accept: 'text/event-stream' },
      body: operation,
    });
    return overEventStream(response, (text) => `data: ${resultText(text)}\n\n`);
  },
  'sse-single': overSingleEventStream,
  multipart: async (url, operation = lobby) => {
    const response = await openStream(url, {
      headers: { accept: 'multipart/mixed;subscriptionSpec=1.0, application/json' },
      body: operation,
    });
    await response.contains('{}\r\n--graphql');
    return fromResponse(response, {
      event: (text) => `{"payload":${resultText(text)}}\r\n--graphql`,
      heartbeat: '{}\r\n--graphql',
    });
  },
} as const satisfies Record<string, Opening>;

/** The name of what can carry a subscription. */
export type TransportName = keyof typeof openings;

export const transportNames = Object.keys(openings) as readonly TransportName[]; // the keys of a constant

/** Whether it is no response to a request. */
export function isWebSocket(transport: TransportName): boolean {
  return transport.endsWith('-ws');
}

function resultText(text: string): string {
  return JSON.stringify({ data: { message: { text } } });
}

async function overSingleEventStream(
  url: string,
  operation: Operation = lobby,
): Promise<ProxiedSubscription> {
  const reservation = await sendHttp(url, { method: 'PUT', headers: { accept: 'text/plain' } });
  expect(reservation.status).toBe(201);
  const token = { 'x-graphql-event-stream-token': reservation.text };
  const response = await openStream(url, {
    method: 'GET',
    headers: { accept: 'text/event-stream', ...token },
  });
  const subscription = await overEventStream(
    response,
    (text) => `data: {"id":"1","payload":${resultText(text)}}\n\n`,
  );
  const accepted = await sendHttp(url, {
    headers: token,
    body: { ...operation, extensions: { operationId: '1' } },
  });
  expect(accepted.status).toBe(202);
  return subscription;
}

async function overEventStream(
  response: StreamedResponse,
  event: (text: string) => string,
): Promise<ProxiedSubscription> {
  const heartbeat = ':\n\n';
  await response.contains(heartbeat);
  return fromResponse(response, { event, heartbeat });
}

interface Framing {
  readonly event: (text: string) => string;
  readonly heartbeat: string;
}

function fromResponse(
  response: StreamedResponse,
  { event, heartbeat }: Framing,
): ProxiedSubscription {
  return {
    event: (text) => response.contains(event(text)),
    heartbeats: (count) => response.contains(heartbeat, count + 1), // the first one opened the stream
    ended: response.ended,
    leave() {
      response.leave();
      return response.ended;
    },
    pause: () => response.pause(),
  };
}

interface Conversation {
  readonly token: string;
  readonly start: object;
  readonly next: string;
}

async function overWebSocket(
  url: string,
  { token, start, next }: Conversation,
): Promise<ProxiedSubscription> {
  const client = await connectSocket(url, [token]);
  const { socket } = client;
  onTestFinished(() => socket.terminate());
  expect(socket.protocol).toBe(token);
  const ended = once(socket, 'close').then(([code]) => Number(code));
  const nextMessage = async (): Promise<unknown> => {
    for (;;) {
      const observation = await client.next();
      if (observation.kind !== 'message') return observation;
      const message = observation.message as { readonly type?: unknown }; // every message of both protocols is an object
      if (message.type !== 'ka') return message;
    }
  };
  client.send(JSON.stringify({ type: 'connection_init' }));
  expect(await nextMessage()).toEqual({ type: 'connection_ack' });
  client.send(JSON.stringify(start));
  return {
    async event(text) {
      expect(await nextMessage()).toEqual({
        id: '1',
        type: next,
        payload: { data: { message: { text } } },
      });
    },
    async heartbeats(count) {
      for (let pings = 0; pings < count; pings += 1) await once(socket, 'ping');
    },
    ended,
    leave() {
      socket.terminate();
      return ended;
    },
    pause: () => socket.pause(),
  };
}
