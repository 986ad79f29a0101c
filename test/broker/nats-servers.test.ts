import { createNatsBroker } from 'millrace/broker/nats';
import type { NatsBroker, NatsStatus } from 'millrace/broker/nats';
import { afterEach, describe, expect, it } from 'vitest';

import { parseServers } from '../../src/broker/nats/servers.ts';
import { takeEvents } from '../support/log-readers.ts';
import { NatsServer } from '../support/nats-server.ts';

const open: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of open.splice(0).toReversed()) await close();
});

/** Those without a name are let in only to see whether it runs; nothing of theirs is of use to a broker. */
const strangers = `
  accounts {
    strangers { jetstream: enabled, users: [{ user: stranger, password: none }] }
    known { jetstream: enabled, users: [{ user: "us:er", password: "p@ss/w:rd%" }] }
  }
  no_auth_user: stranger`;

async function startServer(configuration: string): Promise<string> {
  const server = await NatsServer.start(configuration);
  open.push(() => server.close());
  return `127.0.0.1:${server.port}`;
}

function createBroker(
  servers: string | readonly string[],
  onStatus?: (status: NatsStatus) => void,
): NatsBroker {
  const broker = createNatsBroker({ servers, timeoutMs: 2_000, ...(onStatus && { onStatus }) });
  open.push(() => broker.close());
  return broker;
}

const credentials = `${encodeURIComponent('us:er')}:${encodeURIComponent('p@ss/w:rd%')}`;

describe('credentials in the servers', () => {
  it('are those of a user, percent-encoded', async () => {
    const host = await startServer(strangers);
    const stranger = createBroker(`nats://${host}`);
    await stranger.publish('topic', 'key', 'of a stranger');
    const broker = createBroker(`nats://${credentials}@${host}`);
    const reader = await broker.read('topic', 'key', undefined);

    const { offset } = await broker.publish('topic', 'key', 1);
    await createBroker([`${credentials}@${host}`, host]).publish('topic', 'key', 2);

    expect(await takeEvents(reader, 2)).toEqual([1, 2]);
    expect(offset).toBe('2');
  });

  it('are a token where there is no colon, and leave the address alone', () => {
    const { addresses, authenticator } = parseServers(['tls://to%40ken@[::1]:4222', '[::1]:4223']);

    expect(addresses).toEqual(['tls://[::1]:4222', '[::1]:4223']);
    expect(authenticator?.()).toEqual({ auth_token: 'to@ken' });
  });

  it('that are wrong are in no error', async () => {
    const host = await startServer(strangers);
    const told: NatsStatus[] = [];
    const broker = createBroker(`nats://name:hidden@${host}`, (status) => told.push(status));

    const refused: unknown = await broker
      .publish('topic', 'key', 1)
      .catch((error: unknown) => error);

    expect(refused).toMatchObject({ code: 'BROKER_UNAVAILABLE' });
    expect(textOf(refused)).toContain('Authorization Violation');
    for (const what of [refused, ...told.map((status) => 'error' in status && status.error)])
      expect(textOf(what)).not.toContain('hidden');
  });

  it.each([
    ['that cannot be read', 'nats://name:hidden%@host'],
    ['that differ', ['nats://name:hidden@one', 'nats://name:other@two']],
  ])('%s are refused, and in no error', (_, servers) => {
    const create = () => createBroker(servers);

    expect(create).toThrow(expect.objectContaining({ name: 'UsageError' }));
    expect(create).not.toThrow(/hidden/);
  });
});

/** An error with its causes. */
function textOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return `${error.message} ${error.stack} ${textOf(error.cause)}`;
}
