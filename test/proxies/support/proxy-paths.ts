/** Where the proxies are; the defaults are where Debian installs them. */
export const proxyPaths = {
  nginx: process.env['NGINX_PATH'] ?? '/usr/sbin/nginx',
  haproxy: process.env['HAPROXY_PATH'] ?? '/usr/sbin/haproxy',
} as const;
