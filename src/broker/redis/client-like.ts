import { createClient, RESP_TYPES } from 'redis';

/** What is used of a client of the package `redis`. */
export interface RedisClientLike {
  readonly options?: object;
  duplicate(overrides?: object): RedisClientLike;
  connect(): Promise<unknown>;
  sendCommand(args: readonly (string | Buffer)[], options?: object): Promise<unknown>;
  on(name: 'error', listener: (error: unknown) => void): unknown;
  destroy(): void;
}

/** Makes clients for connections that are used until they break: whoever uses them connects anew. */
export type CreateRedisClient = () => RedisClientLike;

/** What every answer is made of: texts as bytes, because codecs may store any. */
export const asBytes: object = { typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer } };

const settings = { RESP: 2, maintNotifications: 'disabled' } as const;

export function clientsOfUrl(url: string): CreateRedisClient {
  return () => createClient({ ...settings, url, socket: { reconnectStrategy: false } });
}

/** Clients with the settings of `client`, which itself is left alone. */
export function clientsLike(client: RedisClientLike): CreateRedisClient {
  const { socket } = (client.options ?? {}) as { readonly socket?: object }; // as `createClient` takes it
  return () => client.duplicate({ ...settings, socket: { ...socket, reconnectStrategy: false } });
}
