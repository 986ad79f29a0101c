import { startTcpProxy } from 'millrace/testing/node';
import { onTestFinished } from 'vitest';

import type { EncodedLogOptions } from '../../src/broker/remote/options.ts';
import type { RemoteRetention } from '../../src/broker/remote/retention.ts';
import type { RemoteStatus } from '../../src/broker/remote/status.ts';
import type { Broker } from '../../src/broker/types.ts';
import { takeEvents } from './log-readers.ts';
import { Inbox } from './waiting.ts';

/** A server that a test may kill. */
export interface OutageServer {
  readonly port: number;
  readonly url: string;
  /** Starts it again, on the same port and with what it kept. */
  start(): Promise<void>;
  kill(): Promise<void>;
  /** Ends what the test has of it. */
  close(): Promise<void>;
}

/** What tests of all brokers may ask for. */
export interface OutageOptions extends Pick<
  EncodedLogOptions,
  'timeoutMs' | 'checkMs' | 'onStatus'
> {
  readonly retention?: RemoteRetention;
}

/** A broker that says how it is. */
export interface OutageBroker extends Broker {
  readonly status: RemoteStatus;
}

/** What differs from broker to broker. */
export interface OutageParts<Server extends OutageServer> {
  /** The name of what stores the logs. */
  readonly storage: string;
  readonly startServer: () => Promise<Server>;
  /** Makes a broker over the server at this address; `options` may lack anything. */
  readonly createBroker: (url: string, options?: OutageOptions) => OutageBroker;
}

export const unavailable = { name: 'SourceError', code: 'BROKER_UNAVAILABLE' } as const;

/** What a reader gives that misses something before it was given anything. */
export const lost = { events: [], code: 'EVENTS_LOST' } as const;

/** Brokers, their server and what is between them, for a test of what happens when one of these fails. All of it ends with the test. */
export class OutageStage<Server extends OutageServer> {
  readonly storage: string;
  readonly #parts: OutageParts<Server>;

  constructor(parts: OutageParts<Server>) {
    this.storage = parts.storage;
    this.#parts = parts;
  }

  async startServer(): Promise<Server> {
    const server = await this.#parts.startServer();
    onTestFinished(() => server.close());
    return server;
  }

  createBroker(url: string, options?: OutageOptions): OutageBroker {
    const broker = this.#parts.createBroker(url, options);
    onTestFinished(() => broker.close());
    return broker;
  }

  /** A reader whose broker has no connection to the server any more, and somebody who has. */
  async cutOff(retention: RemoteRetention = {}) {
    const server = await this.startServer();
    const { proxy, url } = await startProxy(server);
    const { onStatus, reaches } = watchStatus();
    const broker = this.createBroker(url, { onStatus, retention, timeoutMs: 30_000 });
    const reader = await broker.read('topic', 'key', undefined);
    const other = this.createBroker(server.url, { retention });
    const position = await other.publish('topic', 'key', 'before');
    await takeEvents(reader, 1);
    proxy.refuse();
    proxy.reset();
    await reaches('unavailable');
    return { proxy, broker, reader, other, position, server };
  }
}

/** Something in front of a server, which ends with the test; the server may be another one for later connections. */
export async function startProxy(server: { readonly port: number; readonly url: string }) {
  const proxy = await startTcpProxy({
    get port() {
      return server.port;
    },
  });
  onTestFinished(() => proxy.close());
  return { proxy, url: server.url.replace(String(server.port), String(proxy.port)) };
}

/** The states that a broker goes through, for a test to wait for. */
export function watchStatus() {
  const inbox = new Inbox<RemoteStatus>('a change of the status');
  const reaches = async (kind: RemoteStatus['kind']) => {
    for (;;) if ((await inbox.next()).kind === kind) return;
  };
  return { onStatus: inbox.push, reaches };
}
