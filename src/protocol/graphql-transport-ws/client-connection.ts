import { ClientMachine } from '../client-machine.ts';
import type { ClientConnection, ClientConnectionOptions } from '../connection.ts';
import { graphqlTransportWs } from './client-protocol.ts';

/** The client's half of `graphql-transport-ws`. */
export function createGraphqlTransportWsClient(
  options?: ClientConnectionOptions,
): ClientConnection {
  return new ClientMachine(graphqlTransportWs, options);
}
