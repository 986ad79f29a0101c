import { connect } from '@nats-io/transport-node';
import type { NatsConnection } from '@nats-io/transport-node';

import { UsageError } from '../../errors.ts';
import { NatsLink } from './connection.ts';
import type { NatsLinkOptions } from './connection.ts';
import { parseServers } from './servers.ts';

/** How one is told where NATS is. */
export interface NatsAddress {
  readonly servers?: string | readonly string[];
  /** Whoever made it closes it. */
  readonly connection?: NatsConnection;
}

/** Throws a `UsageError` for an address that is none. */
export function createLink(
  { servers, connection }: NatsAddress,
  options: Pick<NatsLinkOptions, 'clock' | 'timeoutMs' | 'onChange'>,
): NatsLink {
  if (connection !== undefined)
    return new NatsLink({ ...options, owner: 'user', connect: () => borrow(connection) });
  if (servers === undefined) throw new UsageError('a nats broker needs `servers` or `connection`');
  const { addresses, authenticator } = parseServers(
    typeof servers === 'string' ? [servers] : servers,
  );
  return new NatsLink({
    ...options,
    owner: 'broker',
    connect: () =>
      connect({
        servers: [...addresses],
        ...(authenticator && { authenticator }),
        name: 'millrace',
        timeout: options.timeoutMs,
        pingInterval: options.timeoutMs,
        // whoever uses it connects anew
        reconnect: false,
        noAsyncTraces: true,
      }),
  });
}

async function borrow(connection: NatsConnection): Promise<NatsConnection> {
  if (!connection.isClosed()) return connection;
  throw new Error('the connection was closed');
}
