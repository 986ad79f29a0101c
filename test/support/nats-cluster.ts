import { jetstreamManager } from '@nats-io/jetstream';
import type { StreamInfo } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';

import { NatsServer } from './nats-server.ts';
import { findFreePort } from './server-process.ts';

/** One of a {@link NatsCluster}. */
export interface NatsClusterMember {
  /** What the others, and streams, call it. */
  readonly name: string;
  readonly server: NatsServer;
  /** Where it says who is connected to it. */
  readonly monitorPort: number;
}

/** Servers that keep streams together. */
export class NatsCluster {
  readonly members: readonly NatsClusterMember[];

  /** Three servers: as many as it takes for one of them to be missed by nobody. */
  static async start(): Promise<NatsCluster> {
    const routePorts = [await findFreePort(), await findFreePort(), await findFreePort()];
    const routes = routePorts.map((port) => `"nats://127.0.0.1:${port}"`).join(', ');
    const starts = routePorts.map(async (routePort, i): Promise<NatsClusterMember> => {
      const name = `member-${i}`;
      const monitorPort = await findFreePort();
      const server = await NatsServer.start(`
        server_name: ${name}
        http: "127.0.0.1:${monitorPort}"
        cluster { name: millrace, listen: "127.0.0.1:${routePort}", routes: [${routes}] }`);
      return { name, server, monitorPort };
    });
    const outcomes = await Promise.allSettled(starts);
    const members = outcomes.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
    const failure = outcomes.find((each) => each.status === 'rejected');
    const cluster = new NatsCluster(members);
    if (failure === undefined) return cluster;
    await cluster.close();
    throw failure.reason;
  }

  private constructor(members: readonly NatsClusterMember[]) {
    this.members = members;
  }

  get urls(): readonly string[] {
    return this.members.map(({ server }) => server.url);
  }

  others(...members: readonly NatsClusterMember[]): readonly NatsClusterMember[] {
    return this.members.filter((each) => !members.includes(each));
  }

  /** What the leader of a stream says of it; rejects while there is none. */
  async inspect(stream: string): Promise<StreamInfo> {
    const running = this.members.filter(({ server }) => server.isRunning);
    const connection = await connect({ servers: running.map(({ server }) => server.url) });
    try {
      const { streams } = await jetstreamManager(connection, { checkAPI: false, timeout: 1_000 });
      return await streams.info(stream);
    } finally {
      await connection.close();
    }
  }

  async leaderOf(stream: string): Promise<NatsClusterMember> {
    const { cluster } = await this.inspect(stream);
    const leader = this.members.find(({ name }) => name === cluster?.leader);
    if (leader === undefined) throw new Error(`${stream} has no leader`);
    return leader;
  }

  /** The members to which brokers are connected, one for each connection. */
  async brokerConnections(): Promise<readonly NatsClusterMember[]> {
    const running = this.members.filter(({ server }) => server.isRunning);
    const connections = running.map(async (member) => {
      const response = await fetch(`http://127.0.0.1:${member.monitorPort}/connz`);
      const { connections: all } = (await response.json()) as Connections; // as NATS documents it
      return all.filter(({ name }) => name === 'millrace').map(() => member);
    });
    return (await Promise.all(connections)).flat();
  }

  /** The name of the one that places streams and consumers. */
  async findPlacer(): Promise<string | undefined> {
    const member = this.members.find(({ server }) => server.isRunning);
    const response = await fetch(`http://127.0.0.1:${member?.monitorPort}/jsz`);
    const { meta_cluster: placers } = (await response.json()) as JetStream; // as NATS documents it
    return placers?.leader;
  }

  /** Starts those that were killed, with what they had. */
  async startAll(): Promise<void> {
    const killed = this.members.filter(({ server }) => !server.isRunning);
    await Promise.all(killed.map(({ server }) => server.start()));
  }

  async close(): Promise<void> {
    await Promise.all(this.members.map(({ server }) => server.close()));
  }
}

interface Connections {
  readonly connections: readonly { readonly name?: string }[];
}

interface JetStream {
  readonly meta_cluster?: { readonly leader?: string };
}
