import { readFileSync } from 'node:fs';

import { expect, it } from 'vitest';

const repository = new URL('../../', import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, repository), 'utf8');

it.each([
  { language: 'nginx', file: 'test/proxies/nginx.conf' },
  { language: 'haproxy', file: 'test/proxies/haproxy.cfg' },
])('docs/proxies.md shows $file, which is tested', ({ language, file }) => {
  const block = new RegExp(`\`\`\`${language}\n(.*?)\`\`\``, 's').exec(read('docs/proxies.md'));

  expect(block?.[1]).toBe(read(file));
});

it('docs/proxies.md names the headers that streams have', () => {
  const sent = /const streamHeaders = \{ (.*) \};/.exec(read('src/server/http-response.ts'))?.[1];
  const headers = [...(sent?.matchAll(/'([\w-]+)': '([^']+)'/g) ?? [])];

  expect(headers).toHaveLength(2);
  for (const [, name, value] of headers) {
    expect(read('docs/proxies.md')).toContain(`| \`${name}: ${value}\``);
  }
});
