import { ClientMachine } from '../client-machine.ts';
import type { ClientConnection, ClientConnectionOptions } from '../connection.ts';
import { appsyncClient } from './client-protocol.ts';

/**
 * The client's half of `appsync` on one connection.
 *
 * @remarks
 * Whoever wants in says so in the handshake; what is subscribed to has to have `extensions.data` and `extensions.authorization`, which become parts of the
 * message that starts it.
 */
export function createAppsyncClient(options?: ClientConnectionOptions): ClientConnection {
  return new ClientMachine(appsyncClient, options);
}
