import { readFileSync } from 'node:fs';

import { describe, expect, it } from 'vitest';

const read = (path: string): string =>
  readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');

describe('docs/testing.md', () => {
  it('shows an example that is a test here, to the letter', () => {
    expect(read('docs/testing.md')).toContain(
      `\`\`\`ts\n${read('test/testing/example.test.ts')}\`\`\`\n`,
    );
  });
});
