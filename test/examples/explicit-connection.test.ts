import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { bundleExample } from '../support/bundle-example.ts';
import type { ExampleBundle } from '../support/bundle-example.ts';

describe('the example with explicit connections', () => {
  let bundle: ExampleBundle;

  beforeAll(async () => {
    bundle = await bundleExample(
      import.meta.resolve('../../examples/client/explicit-connection.mjs'),
    );
  }, 60_000);
  afterAll(() => bundle.remove());

  it('shows what it is about and ends by itself', async () => {
    // rejects if the process ends with another code than 0, or has to be ended
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [bundle.file], {
      timeout: 20_000,
    });

    expect(stderr).toBe('');
    expect(stdout.trim().split('\n')).toEqual([
      "connected { welcome: 'Ada' }",
      'the server knows Ada',
      'counted 3 2 1 0',
      'counted 5 4 3 2 1 0',
      "connected { welcome: 'Bob' }",
      'sockets: 2',
      'CONNECTION_REFUSED 4403 Who is there?',
    ]);
  }, 30_000);
});
