import { UnsupportedOptionError, assertSupported } from '../unsupported-option.ts';

/** Where Redis is, as ioredis has it. */
export interface RedisConnectionOptions {
  /** @defaultValue '127.0.0.1' */
  readonly host?: string;
  /** @defaultValue 6379 */
  readonly port?: number;
  readonly username?: string;
  readonly password?: string;
  /** The number of the database. @defaultValue 0 */
  readonly db?: number;
}

const remedy =
  'give `broker: createRedisBroker({ client })` with a client of the package redis that has such settings';

/** @throws UnsupportedOptionError for what a URL cannot say */
export function toRedisUrl(connection: RedisConnectionOptions | string = {}): string {
  if (typeof connection === 'string') return completeUrl(connection);
  assertSupported(
    connection,
    {
      ...Object.fromEntries(Object.keys(connection).map((name) => [name, { remedy }])),
      host: 'supported',
      port: 'supported',
      username: 'supported',
      password: 'supported',
      db: 'supported',
    },
    'connection.',
  );
  const { host = '127.0.0.1', port = 6379, username = '', password, db = 0 } = connection;
  const user = encodeURIComponent(username);
  const credentials =
    password === undefined ? user && `${user}@` : `${user}:${encodeURIComponent(password)}@`;
  const name = host.includes(':') ? `[${host}]` : host;
  return `redis://${credentials}${name}:${port}/${db}`;
}

/** As ioredis reads it: a port, a host with or without one, or a URL. */
function completeUrl(text: string): string {
  if (/^\d+$/.test(text)) return `redis://127.0.0.1:${text}`;
  if (text.startsWith('//')) return `redis:${text}`;
  if (text.startsWith('/'))
    throw new UnsupportedOptionError('connection to a socket in the file system', remedy);
  return text.includes('://') ? text : `redis://${text}`;
}
