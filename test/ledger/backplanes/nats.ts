import { setTimeout as pause } from 'node:timers/promises';

import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';

import { subjectOf } from '../../../src/broker/nats/subjects.ts';
import { NatsServer } from '../../support/nats-server.ts';
import type { Backplane, BackplaneKind, Persistence } from './types.ts';

/** What the broker takes for the name of its stream if nobody says otherwise. */
export const natsStream = 'millrace';

export const nats: BackplaneKind = {
  title: 'NATS',
  means: { stall: 'SIGSTOP', trim: 'stream purge' },
  start: (persistence) => NatsBackplane.create(persistence),
};

class NatsBackplane implements Backplane {
  readonly #server: NatsServer;
  readonly #persistence: Persistence;

  static async create(persistence: Persistence): Promise<NatsBackplane> {
    return new NatsBackplane(await NatsServer.start(), persistence);
  }

  private constructor(server: NatsServer, persistence: Persistence) {
    this.#server = server;
    this.#persistence = persistence;
  }

  get port(): number {
    return this.#server.port;
  }

  urlAt(port: number): string {
    return `nats://127.0.0.1:${port}`;
  }

  kill(): Promise<void> {
    return this.#server.kill();
  }

  start(): Promise<void> {
    if (this.#persistence === 'nothing') this.#server.forget();
    return this.#server.start();
  }

  async stall(durationMs: number): Promise<void> {
    await this.#server.pause();
    await pause(durationMs);
    this.#server.resume();
  }

  async trim(topic: string, key: string): Promise<void> {
    const connection = await connect({ servers: this.#server.url });
    const { streams } = await jetstreamManager(connection);
    await streams.purge(natsStream, { filter: subjectOf(natsStream, topic, key), keep: 2 });
    await connection.close();
  }

  close(): Promise<void> {
    return this.#server.close();
  }
}
