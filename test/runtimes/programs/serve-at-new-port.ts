/** What is called of a server of Bun. */
interface BunServer {
  readonly port: number;
  stop(closeActiveConnections: boolean): Promise<void>;
}

/** Those that servers of this process have had. */
const formerPorts = new Set<number>();

/**
 * Starts a server, by `serve` on any free port, at one that no server of this process has had.
 *
 * @remarks
 * When a server stops, Bun leaves connections open on which nothing was asked yet, and resets them when something is. Node's `fetch` opens such a connection when an answer was cancelled, and would
 * use it for what it asks the next server at that port.
 */
export async function serveAtNewPort<Server extends BunServer>(
  serve: () => Server,
): Promise<Server> {
  for (;;) {
    const server = serve();
    if (!formerPorts.has(server.port)) {
      formerPorts.add(server.port);
      return server;
    }
    await server.stop(true);
  }
}
