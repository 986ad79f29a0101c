/** @typedef {import('node:http').Server} HttpServer */

/**
 * Listens on a port that the system chooses.
 *
 * @param {HttpServer} httpServer
 * @returns {Promise<number>}
 */
export function listenOnLoopback(httpServer) {
  return new Promise((resolve, reject) => {
    httpServer.once('error', reject);
    httpServer.listen({ port: 0, host: '127.0.0.1', backlog }, () => resolve(portOf(httpServer)));
  });
}

/** Hundreds of clients connect at once. */
export const backlog = 4_096;

/**
 * @param {HttpServer} httpServer
 * @returns {number}
 */
export function portOf(httpServer) {
  const address = httpServer.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  return address.port;
}

/**
 * @param {HttpServer} httpServer
 * @returns {Promise<number>}
 */
export function countConnections(httpServer) {
  return new Promise((resolve, reject) => {
    httpServer.getConnections((error, count) => (error ? reject(error) : resolve(count)));
  });
}
