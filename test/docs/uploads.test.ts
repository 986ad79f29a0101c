import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

import { afterEach, expect, it } from 'vitest';

import type { RunningExample } from './running-example.ts';
import { runExample } from './running-example.ts';

const repository = new URL('../../', import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, repository), 'utf8');

let example: RunningExample | undefined;
afterEach(() => example?.close());

it('in docs/uploads.md is the example, to the letter', () => {
  expect(read('docs/uploads.md')).toContain(
    `\`\`\`ts\n${read('examples/uploads/server.ts')}\`\`\`\n`,
  );
});

it('the example takes the form that curl makes of the line below it', async () => {
  example = await runExample(() => import('../../examples/uploads/server.ts'));
  const fields = [...read('docs/uploads.md').matchAll(/-F '(operations|map)=(.*)'/g)];
  const form = new FormData();
  for (const [, name = '', value = ''] of fields) form.append(name, value);
  form.append('0', new File(['some bytes'], 'photo.jpg'));

  const response = await fetch(example.url, {
    method: 'POST',
    headers: { 'graphql-require-preflight': '1' },
    body: form,
  });

  const digest = createHash('sha256').update('some bytes').digest('hex');
  expect(await response.json()).toEqual({ data: { digest: `photo.jpg: ${digest}` } });
});
