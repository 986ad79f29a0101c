import type { ProxyName } from './proxy.ts';

/** A proxy and what of its documented configuration is left out. */
export interface Setup {
  readonly name: string;
  readonly proxy: ProxyName;
  readonly change?: (configuration: string) => string;
  /** Whether the server hears of a client that leaves a silent response. */
  readonly tellsWhoLeaves: boolean;
}

/** The least that haproxy needs. */
export const haproxyWithoutOptions: Setup = {
  name: 'haproxy without options',
  proxy: 'haproxy',
  change: (text) => text.replaceAll(/^ *option .*$/gm, ''),
  tellsWhoLeaves: false,
};

/** The least that nginx needs; it carries no upgrades. */
export const bareNginx: Setup = {
  name: 'nginx with nothing but `proxy_pass`',
  proxy: 'nginx',
  change: (text) => text.replaceAll(/^ *proxy_(http_version|set_header) .*$/gm, ''),
  tellsWhoLeaves: true,
};

/** Those of the documentation. */
export const documentedSetups: readonly Setup[] = [
  { name: 'nginx', proxy: 'nginx', tellsWhoLeaves: true },
  { name: 'haproxy', proxy: 'haproxy', tellsWhoLeaves: true },
];
