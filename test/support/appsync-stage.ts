import { createClient } from 'millrace/client';
import type { Client, ClientOptions, TransportError } from 'millrace/client';
import { appsync } from 'millrace/client/appsync';
import type { AppsyncOptions, Authorization, AuthorizationRequest } from 'millrace/client/appsync';
import { VirtualClock, manualSignals, scriptedPeer } from 'millrace/testing';
import type { ReceivedMessage, ScriptedPeer } from 'millrace/testing';
import { onTestFinished } from 'vitest';

import { consume } from './watched-client.ts';
import type { Consumer } from './watched-client.ts';

/** The GraphQL endpoint of {@link createAppsyncStage}. */
export const url = 'https://api.example.com/graphql';
export const query = 'subscription { a }';
export const host = 'api.example.com';
/** The text of a subscription to `query`. */
export const data = JSON.stringify({ query, variables: {} });
export const ackPayload = { connectionTimeoutMs: 300_000 };
export const result = { data: { a: 1 } };

interface Loss {
  readonly failure: TransportError;
  readonly retryInMs: number | undefined;
}

/** A client, and the server that a test plays for it. */
export interface AppsyncStage {
  readonly client: Client;
  readonly clock: VirtualClock;
  readonly peer: ScriptedPeer;
  readonly violations: readonly string[];
  readonly losses: readonly Loss[];
  /** What was given for a signature, in its order. */
  readonly asked: readonly AuthorizationRequest[];
  /** The client's next message, once everything that it does by itself is done. */
  readonly sent: () => Promise<ReceivedMessage>;
  readonly say: (...messages: readonly object[]) => Promise<void>;
}

/** What {@link createAppsyncStage} is told. */
export interface AppsyncStageOptions {
  readonly appsync?: Partial<AppsyncOptions>;
  readonly client?: Partial<ClientOptions>;
}

/** A client whose server the test plays. Its credentials are new each time. */
export function createAppsyncStage({
  appsync: options,
  client: clientOptions,
}: AppsyncStageOptions = {}): AppsyncStage {
  const clock = new VirtualClock();
  const peer = scriptedPeer({ clock });
  const violations: string[] = [];
  const losses: Loss[] = [];
  const asked: AuthorizationRequest[] = [];
  const authorization = (request: AuthorizationRequest): Authorization => ({
    Authorization: `token ${asked.push(request)}`,
  });
  const client = createClient({
    url,
    transport: appsync({ authorization, WebSocket: peer.WebSocket, ...options }),
    clock,
    random: () => 0.5,
    signals: manualSignals().signals,
    onProtocolViolation: (message) => violations.push(message),
    onDisconnected: (failure, retryInMs) => losses.push({ failure, retryInMs }),
    ...clientOptions,
  });
  onTestFinished(() => client.close());
  return {
    client,
    clock,
    peer,
    violations,
    losses,
    asked,
    sent: async () => {
      await clock.settle();
      return peer.expect({});
    },
    say: async (...messages) => {
      peer.send(...messages);
      await clock.settle();
    },
  };
}

/** A stage with one subscription. */
export interface Subscribed extends AppsyncStage {
  readonly handle: ReturnType<Client['subscribe']>;
  readonly consumer: Consumer;
  readonly start: ReceivedMessage;
}

/** One whose subscription was sent, and not acknowledged. */
export async function starting(options?: AppsyncStageOptions): Promise<Subscribed> {
  const stage = createAppsyncStage(options);
  const handle = stage.client.subscribe({ query });
  const consumer = consume(handle);
  await stage.peer.acknowledge(ackPayload);
  const start = await stage.sent();
  return { ...stage, handle, consumer, start };
}

/** One whose subscription is acknowledged. */
export async function live(options?: AppsyncStageOptions): Promise<Subscribed> {
  const stage = await starting(options);
  await stage.say({ id: stage.start.id, type: 'start_ack' });
  return stage;
}

/** What a client sends for a subscription to `query`. */
export const startMessage = (token: string): object => ({
  id: '1',
  type: 'start',
  payload: { data, extensions: { authorization: { host, Authorization: token } } },
});

/** What the subprotocol behind the first of the newest connection says. */
export function tokenOf({ connections }: ScriptedPeer): unknown {
  const [, token = ''] = connections.at(-1)?.attempt.subprotocols ?? [];
  return JSON.parse(Buffer.from(token.replace('header-', ''), 'base64url').toString('utf8'));
}
