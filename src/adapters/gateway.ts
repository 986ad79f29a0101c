/**
 * GraphQL behind hosted WebSocket gateways: a service holds the sockets, calls functions for what happens on them, and takes what goes out by a push
 * interface. No process lives between two calls.
 *
 * @packageDocumentation
 */
import type { ServerOptions } from '../server/index.ts';
import { createStatelessGateway } from '../server/gateway/gateway.ts';
import type {
  Gateway,
  GatewayOptions,
  GatewayServerOptions,
} from '../server/gateway/gateway-options.ts';

/**
 * Makes the functions of a gateway: cheap, so each instance of a function may make its own.
 *
 * @remarks
 * Everything about a connection is in `options.store`; any instance can go on with it. The session has to be plain JSON. Subscriptions have to listen to a
 * topic, as `subscriptionField` does.
 *
 * @throws UsageError for options that cannot work, an invalid schema included
 */
export function createGateway<Session extends object = object, Context = unknown>(
  serverOptions: GatewayServerOptions<Session, Context>,
  options: GatewayOptions,
): Gateway {
  // inside, a session is an object and a context anything: only the hooks of the caller know more, and they get back what they gave
  return createStatelessGateway(serverOptions as unknown as ServerOptions, options);
}

export { createGatewayTopics } from '../server/gateway/gateway-topics.ts';
export type { GatewayTopic, GatewayTopics } from '../server/gateway/gateway-topics.ts';
export type {
  Gateway,
  GatewayConnect,
  GatewayConnectAnswer,
  GatewayDelivery,
  GatewayMessage,
  GatewayOptions,
  GatewayPush,
  GatewayServerOptions,
} from '../server/gateway/gateway-options.ts';
export type {
  GatewayStore,
  StoredConnection,
  StoredSubscription,
  SubscriptionPage,
  SubscriptionPlace,
} from '../server/gateway/gateway-store.ts';
export { createRedisGatewayStore } from './gateway-redis.ts';
export type { GatewayRedisLike, RedisGatewayStoreOptions } from './gateway-redis.ts';
