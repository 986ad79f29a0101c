import { tokenAuthenticator, usernamePasswordAuthenticator } from '@nats-io/transport-node';
import type { Authenticator } from '@nats-io/transport-node';

import { UsageError } from '../../errors.ts';

/** Where NATS is, and who asks to be let in. */
export interface NatsServers {
  /** Without credentials. */
  readonly addresses: readonly string[];
  /** `undefined` where no address has credentials. */
  readonly authenticator: Authenticator | undefined;
}

/** Scheme, what stands before the last `@`, and the rest. */
const addressForm = /^([a-z]+:\/\/)?(?:(.*)@)?([^@]*)$/i;

/**
 * Takes the credentials out of addresses: `nats://user:password@host` or `nats://token@host`, percent-encoded.
 *
 * @throws {UsageError} where they cannot be read, or are not the same in all addresses that have some; it does not name them
 */
export function parseServers(servers: readonly string[]): NatsServers {
  const parsed = servers.map((server) => {
    const [, scheme = '', credentials, host = ''] = addressForm.exec(server.trim()) ?? [];
    return { address: `${scheme}${host}`, credentials };
  });
  const [credentials, ...others] = new Set(
    parsed.flatMap((server) => (server.credentials === undefined ? [] : [server.credentials])),
  );
  if (others.length > 0)
    throw new UsageError('the servers of a nats broker have different credentials');
  return {
    addresses: parsed.map(({ address }) => address),
    authenticator: credentials === undefined ? undefined : createAuthenticator(credentials),
  };
}

function createAuthenticator(credentials: string): Authenticator {
  const colon = credentials.indexOf(':');
  if (colon === -1) return tokenAuthenticator(decode(credentials));
  const [user, password] = [credentials.slice(0, colon), credentials.slice(colon + 1)];
  return usernamePasswordAuthenticator(decode(user), decode(password));
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    // the cause would name it
    throw new UsageError('the credentials in the servers of a nats broker are not percent-encoded');
  }
}
