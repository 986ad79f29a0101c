import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

import * as clientModule from 'millrace/client';
import type { ClientOptions } from 'millrace/client';
import { afterEach, expect, it, onTestFinished, vi } from 'vitest';

import type { RunningExample } from './running-example.ts';
import { runExample } from './running-example.ts';

const repository = new URL('../../', import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, repository), 'utf8');

let example: RunningExample | undefined;
afterEach(() => example?.close());

it.each(['server', 'client'])(
  'in docs/uploads.md is the %s of the example, to the letter',
  (name) => {
    expect(read('docs/uploads.md')).toContain(
      `\`\`\`ts\n${read(`examples/uploads/${name}.ts`)}\`\`\`\n`,
    );
  },
);

it('the client of the example sends its file to the server of it', async () => {
  const running = await runExample(() => import('../../examples/uploads/server.ts'));
  example = running;
  vi.doMock('millrace/client', () => ({
    ...clientModule,
    createClient: (options: ClientOptions) =>
      clientModule.createClient({ ...options, url: running.url }),
  }));
  onTestFinished(() => {
    vi.doUnmock('millrace/client');
  });

  await import('../../examples/uploads/client.ts');

  const digest = createHash('sha256').update('some bytes').digest('hex');
  expect(running.printed.at(-1)).toEqual({ digest: `photo.jpg: ${digest}` });
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
