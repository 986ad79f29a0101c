import type { WebSocketProtocol } from '../../vocabulary.ts';
import type { RequestHead } from '../request-head.ts';
import type { SubscriptionPlace } from './gateway-store.ts';

/** The protocols that a gateway can speak: those whose whole state is data. */
export type GatewayProtocol = Extract<
  WebSocketProtocol,
  'graphql-transport-ws' | 'subscriptions-transport-ws'
>;

/** Everything that is known of a connection between two calls; plain JSON. */
export interface ConnectionRecord {
  readonly protocol: GatewayProtocol;
  /** Milliseconds since 1970, like every instant here. */
  readonly openedAt: number;
  readonly expiresAt: number;
  /** Of the upgrade. */
  readonly request: RequestHead;
  readonly stage: ConnectionStage;
  /** Those that have not ended. */
  readonly operations: readonly OperationClaim[];
  /** Ids whose next message may have been overtaken by another, or may come too late. */
  readonly traces: readonly OperationTrace[];
  readonly starts: BucketLevel;
  readonly controls: BucketLevel;
}

/** How far a connection has come. `held`: frames that came early and are read once it was accepted. */
export type ConnectionStage =
  | { readonly kind: 'wait-init'; readonly held: readonly string[] }
  | { readonly kind: 'init-pending'; readonly held: readonly string[] }
  | { readonly kind: 'ready'; readonly session: object };

/** That an id is taken, and by what. */
export interface OperationClaim {
  readonly id: string | number;
  /** The identity of the operation: the same id may name another one a moment later. */
  readonly token: string;
  /** Of a subscription that listens. */
  readonly place?: SubscriptionPlace;
}

/** What happened to an id a moment ago. */
export interface OperationTrace {
  readonly id: string | number;
  /** `stopped`: by its client, and nobody had heard of it. `ended`: by us, and its client may not know. */
  readonly kind: 'stopped' | 'ended';
  readonly until: number;
}

/** How much is left of a rate. */
export interface BucketLevel {
  readonly tokens: number;
  readonly at: number;
}

/** A subscription as it stands in the store; plain JSON. */
export interface SubscriptionRecord extends SubscriptionPlace {
  readonly connectionId: string;
  readonly id: string | number;
  readonly token: string;
  readonly query: string;
  readonly operationName?: string;
  readonly variables?: Readonly<Record<string, unknown>>;
  readonly extensions?: Readonly<Record<string, unknown>>;
  /** Among whom its executions were shared when it began: everybody, an audience by its name, or nobody. */
  readonly audience:
    | { readonly kind: 'everybody' | 'nobody' }
    | { readonly kind: 'named'; readonly name: string };
  /** Whether something of its source may be its own: filters, maps. */
  readonly hasSteps: boolean;
}

/** The record that a text of ours holds. */
export function parseConnectionRecord(text: string): ConnectionRecord {
  return JSON.parse(text) as ConnectionRecord; // what the store gives is what a gateway wrote
}

/** The record that a text of ours holds. */
export function parseSubscriptionRecord(text: string): SubscriptionRecord {
  return JSON.parse(text) as SubscriptionRecord; // what the store gives is what a gateway wrote
}
