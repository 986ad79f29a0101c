import type { AddressInfo, Server } from 'node:net';

/** Where a server listens. */
export interface ListeningPlace {
  /** @defaultValue 4000 */
  readonly port?: number;
  /** @defaultValue every interface */
  readonly host?: string;
}

/** Resolves once `server` listens; rejects with the error of `node:net` if it cannot. */
export function startListening(
  server: Server,
  { port = 4000, host }: ListeningPlace,
): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port, ...(host !== undefined && { host }) }, () => {
      server.off('error', reject);
      resolve(server.address() as AddressInfo); // it listens on a port, not on a pipe
    });
  });
}

/** The origin of URLs of a server there. */
export function toOrigin(port: number, host = 'localhost'): string {
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}
