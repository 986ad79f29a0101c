export type { Direction } from './memory-link.ts';
export type { ProxiedConnection } from './proxied-connection.ts';
export type { CutAmount, Weather } from './proxy-pipe.ts';
export { startTcpProxy } from './tcp-proxy.ts';
export type { TcpProxy, TcpProxyOptions } from './tcp-proxy.ts';
