import { ClientMachine } from '../client-machine.ts';
import type { ClientConnection, ClientConnectionOptions } from '../connection.ts';
import { subscriptionsTransportWs } from './client-protocol.ts';

/** The client's half of `subscriptions-transport-ws`. */
export function createSubscriptionsTransportWsClient(
  options?: ClientConnectionOptions,
): ClientConnection {
  return new ClientMachine(subscriptionsTransportWs, options);
}
