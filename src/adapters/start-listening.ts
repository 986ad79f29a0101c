import type { Server as HttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Where an HTTP server listens. */
export interface ListeningPlace {
  /** @defaultValue 4000 */
  readonly port?: number;
  /** @defaultValue every interface */
  readonly host?: string;
}

/** Resolves once `httpServer` listens; rejects with the error of `node:net` if it cannot. */
export function startListening(
  httpServer: HttpServer,
  { port = 4000, host }: ListeningPlace,
): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    httpServer.once('error', reject);
    httpServer.listen({ port, ...(host !== undefined && { host }) }, () => {
      httpServer.off('error', reject);
      resolve(httpServer.address() as AddressInfo); // it listens on a port, not on a pipe
    });
  });
}

/** The origin of URLs of a server there. */
export function toOrigin(port: number, host = 'localhost'): string {
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}
