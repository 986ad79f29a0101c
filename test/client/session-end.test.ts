import type { Transport } from 'millrace/client';
import { appsync } from 'millrace/client/appsync';
import { multipart } from 'millrace/client/multipart';
import { renewing } from 'millrace/client/renewal';
import { resumable } from 'millrace/client/resume';
import { sse } from 'millrace/client/sse';
import { sseSingle } from 'millrace/client/sse-single';
import { subscriptionsTransportWs, websocket } from 'millrace/client/websocket';
import type { ConnectEvent } from 'millrace/server';
import { refuse } from 'millrace/server';
import { VirtualClock } from 'millrace/testing';
import { describe, expect, it } from 'vitest';

import { serveFixture } from '../support/fixture-server.ts';
import { until } from '../support/waiting.ts';
import { consume, watchClient } from '../support/watched-client.ts';

const startedAt = 1_700_000_000_000;
const listening = { query: 'subscription { message(room: "a") { text } }' };
const said = (text: string) => expect.objectContaining({ data: { message: { text } } });

/** Tokens that were given out: each is good for a minute. */
class Tokens {
  readonly clock = new VirtualClock();
  /** When each expires, in milliseconds since 1970. */
  readonly expiries: number[] = [];
  isClosed = false;

  readonly now = (): number => startedAt + this.clock.now();

  readonly give = (): { readonly token: string } => {
    this.expiries.push(this.now() + 60_000);
    return { token: String(this.expiries.length) };
  };

  readonly verify = ({ connectionParams, request }: ConnectEvent) => {
    const { authorization } = connectionParams as { readonly authorization?: { token?: unknown } }; // of AppSync
    const token = connectionParams['token'] ?? authorization?.token ?? request.headers['token'];
    const expiresAt = this.expiries[Number(token) - 1];
    if (expiresAt === undefined || this.isClosed) return refuse({ reason: 'No such token' });
    return { name: 'ada', expiresAt };
  };
}

const transports: readonly (readonly [string, (tokens: Tokens) => Transport])[] = [
  ['graphql-transport-ws', () => websocket()],
  ['subscriptions-transport-ws', () => websocket({ protocol: subscriptionsTransportWs })],
  ['appsync', ({ give }) => appsync({ authorization: give })],
  ['sse', ({ give }) => sse({ headers: give })],
  ['sse-single', ({ give }) => sseSingle({ headers: give })],
  ['multipart', ({ give }) => multipart({ headers: give })],
];

/** A server whose sessions last a minute, and a client with one subscription. */
async function subscribed(create: (tokens: Tokens) => Transport) {
  const tokens = new Tokens();
  const server = await serveFixture({
    onConnect: tokens.verify,
    principal: (session) => (session as { readonly name: string }).name, // of `verify`
    keepAlive: { pingAfterMs: Infinity, keepAliveMs: Infinity, heartbeatMs: Infinity },
    clock: tokens.clock,
    now: tokens.now,
  });
  const watched = watchClient(server.httpUrl, {
    transport: create(tokens),
    connectionParams: tokens.give,
    resume: resumable(),
  });
  const consumer = consume(watched.client.subscribe(listening));
  await server.sources(1);
  await server.app.publish('a', 'first');
  expect(await consumer.next()).toEqual(said('first'));
  return { tokens, server, consumer, ...watched };
}

describe.each(transports)('over %s', (_name, create) => {
  it('a client whose credentials expire comes back with fresh ones, and misses nothing', async () => {
    const { tokens, server, consumer, comeBack, losses } = await subscribed(create);
    const before = tokens.expiries.length;

    await tokens.clock.advance(65_100);
    await server.sources(0);
    await server.app.publish('a', 'meanwhile');
    await comeBack();
    expect(await consumer.next()).toEqual(said('meanwhile'));
    await server.app.publish('a', 'later');

    expect(await consumer.next()).toEqual(said('later'));
    expect(tokens.expiries.length).toBeGreaterThan(before);
    expect(losses).toHaveLength(1);
    expect(consumer.rest).toEqual([]);
  });

  it('a client whose credentials expire and are not renewed learns that they are refused', async () => {
    const { tokens, server, consumer, comeBack, clock } = await subscribed(create);

    tokens.isClosed = true;
    await tokens.clock.advance(65_100);
    await server.sources(0);
    await comeBack();
    const settled = clock.advance(5_000);

    const end = await consumer.ended();
    await settled;
    // an answer with errors in it is no failure of what carries it
    const [answer] = consumer.rest;
    const code = end === 'complete' ? answer?.errors?.[0]?.extensions?.['code'] : end.code;
    expect(code).toBe(end === 'complete' ? 'FORBIDDEN' : 'CONNECTION_REFUSED');
  });
});

describe('a client that renews its session', () => {
  it('keeps its connection when the credentials expire', async () => {
    const { tokens, server, consumer, clock, losses } = await subscribed(() =>
      renewing((protocol) => websocket({ protocol })),
    );

    for (let minutes = 0; minutes < 3; minutes += 1) {
      await tokens.clock.advance(30_000);
      const given = tokens.expiries.length;
      await clock.advance(30_000);
      await until(() => tokens.expiries.length > given, 'a renewal');
      await server.app.publish('a', String(minutes));
      expect(await consumer.next()).toEqual(said(String(minutes)));
    }

    expect(losses).toEqual([]);
    expect(server.counters().expiredSessions).toBe(0);
  });
});
