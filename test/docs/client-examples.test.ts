import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { afterEach, expect, it } from 'vitest';

const repository = fileURLToPath(new URL('../../', import.meta.url));
const compiler = path.join(repository, 'node_modules/typescript/bin/tsc');

/** What the text says that the examples have. */
const surroundings = `
import type { TypedDocumentNode } from '@graphql-typed-document-node/core';
import type { Client } from 'millrace/client';

declare global {
  const client: Client;
  const render: (value: unknown) => void;
  const fetchToken: () => Promise<string>;
  const onTokenRenewed: (listener: () => void) => void;
  const MessageAddedDocument: TypedDocumentNode<
    { readonly messageAdded: { readonly text: string } },
    { readonly room: string }
  >;
}
`;

let folder: string | undefined;

afterEach(async () => {
  if (folder !== undefined) await rm(folder, { recursive: true, force: true });
});

const pages = [
  { page: 'client.md', compilerOptions: {} },
  // the types of a handler of Apollo Client do not know that option
  { page: 'apollo.md', compilerOptions: { exactOptionalPropertyTypes: false } },
  { page: 'urql.md', compilerOptions: {} },
  { page: 'react.md', compilerOptions: {} },
  { page: 'relay.md', compilerOptions: {} },
  { page: 'appsync.md', compilerOptions: {} },
  { page: 'tabs.md', compilerOptions: {} },
  { page: 'migrating-from-graphql-subscriptions.md', compilerOptions: {} },
  { page: 'migrating-from-graphql-ws.md', compilerOptions: {} },
  { page: 'migrating-from-subscriptions-transport-ws.md', compilerOptions: {} },
] as const;

it.each(pages)(
  'docs/$page has examples that compile',
  async ({ page, compilerOptions }) => {
    const document = readFileSync(path.join(repository, 'docs', page), 'utf8');
    const blocks = [...document.matchAll(/```(tsx?)\n(.*?)```/gs)];
    // among the packages, so that those which examples import are found from there
    folder = await mkdtemp(path.join(repository, 'node_modules', '.millrace-docs-'));
    const files: Record<string, string> = {
      'surroundings.ts': surroundings,
      ...Object.fromEntries(
        // an example that imports nothing is a module all the same
        blocks.map(([, language = '', block = ''], index) => [
          `example-${index + 1}.${language}`,
          `${block}\nexport {};\n`,
        ]),
      ),
    };
    const config = {
      extends: path.join(repository, 'tsconfig.json'),
      compilerOptions: { noUnusedLocals: false, types: ['node'], ...compilerOptions },
      include: [],
      exclude: [],
      files: Object.keys(files),
    };
    files['tsconfig.json'] = JSON.stringify(config);
    for (const [name, text] of Object.entries(files))
      await writeFile(path.join(folder, name), text);

    const complaints = await compile(folder);

    expect(blocks.length).toBeGreaterThan(1);
    expect(complaints).toBe('');
  },
  60_000,
);

/** What the compiler complains of. */
function compile(project: string): Promise<string> {
  return new Promise((resolve) => {
    execFile(process.execPath, [compiler, '-p', project], (error, stdout) => {
      resolve(error ? stdout || error.message : '');
    });
  });
}
