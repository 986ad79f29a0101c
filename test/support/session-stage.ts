import type { ConnectEvent, ServerOptions } from 'millrace/server';
import { refuse } from 'millrace/server';
import type { VirtualClock } from 'millrace/testing';
import { expect } from 'vitest';

import { never } from '../../src/vocabulary.ts';
import type { Conversation } from './conversation.ts';
import { converse } from './conversation.ts';
import type { MemoryClient, MemoryClientOptions } from './memory-client.ts';
import type { MemoryRequest } from './memory-stream.ts';
import { MemoryStream } from './memory-stream.ts';

/** What the connect hook of the stage returns. */
export interface NamedSession {
  readonly name: string | undefined;
}

/** A server whose clients are who they say they are, for as long as they say. */
export interface SessionStage extends Conversation {
  /** What the connect hook was asked. */
  readonly asked: readonly ConnectEvent[];
  /** A socket whose init was acknowledged, and the payload of that. */
  readonly enter: (
    claims: Claims,
    options?: MemoryClientOptions,
  ) => Promise<{ readonly client: MemoryClient; readonly ackPayload: unknown }>;
  /** Sends `request` as whoever `claims` say. */
  readonly ask: (claims: Claims, request: MemoryRequest) => Promise<MemoryStream>;
  /** Asks for fresh credentials to be taken. */
  readonly renew: (client: MemoryClient, claims: Claims, more?: object) => void;
}

/** In parameters of a connection, or in headers. */
export interface Claims {
  readonly name?: string;
  readonly expiresInMs?: number;
  /** Refused, with this reason. */
  readonly refuse?: string;
  /** Fails, with this message. */
  readonly fail?: string;
}

/** When the tests begin, in milliseconds since 1970. */
export const startedAt = 1_700_000_000_000;

/** Holds nothing. */
export const nothingHeld = { connections: 0, operations: 0, deadlines: 0, readers: 0 };

const claimsHeader = 'x-claims';

/** `options` replace those of the stage. */
export function sessionStage(options: Partial<ServerOptions> = {}): SessionStage {
  const asked: ConnectEvent[] = [];
  const time: { clock?: VirtualClock } = {};
  const now = (): number => startedAt + (time.clock?.now() ?? 0);
  const conversation = converse({
    onConnect: (event) => {
      asked.push(event);
      return toSession(event, now());
    },
    principal: (session) => (session as NamedSession).name, // what `toSession` made
    now,
    // nobody here answers pings
    keepAlive: { pingAfterMs: never, keepAliveMs: never },
    ...options,
  });
  const { clock, server, connect } = conversation;
  time.clock = clock;
  return {
    ...conversation,
    asked,
    async enter(claims, clientOptions) {
      const client = connect({ ...clientOptions, headers: toHeaders(claims) });
      client.send('{"type":"connection_init"}');
      const observation = await client.next();
      expect(observation).toMatchObject({ message: { type: 'connection_ack' } });
      const { message } = observation as { readonly message: { readonly payload?: unknown } }; // as the line above has checked
      return { client, ackPayload: message.payload };
    },
    async ask(claims, request) {
      const headers = { ...request.headers, ...toHeaders(claims) };
      const stream = new MemoryStream(server, { ...request, headers });
      await clock.settle();
      return stream;
    },
    renew: (client, claims, more = {}) =>
      client.send(JSON.stringify({ type: 'ping', payload: { ...more, auth: claims } })),
  };
}

/** Headers that say it. */
export function toHeaders(claims: Claims): { readonly [claimsHeader]: string } {
  return { [claimsHeader]: JSON.stringify(claims) };
}

function toSession({ connectionParams, request, renews }: ConnectEvent, now: number) {
  const inHeaders = JSON.parse(request.headers[claimsHeader] ?? '{}') as Claims; // of `toHeaders`
  const claims: Claims = renews ? connectionParams : inHeaders;
  const { name, expiresInMs } = claims;
  if (claims.fail !== undefined) throw new Error(claims.fail);
  if (claims.refuse !== undefined) return refuse({ reason: claims.refuse });
  return { name, ...(expiresInMs !== undefined && { expiresAt: now + expiresInMs }) };
}
