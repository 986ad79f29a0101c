import { existsSync, readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { describe, expect, it } from 'vitest';

const repository = fileURLToPath(new URL('../../', import.meta.url));
const documents = [
  ...readdirSync(repository).filter((name) => name.endsWith('.md')),
  ...readdirSync(path.join(repository, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => path.join('docs', name)),
];

const read = (document: string): string => readFileSync(path.join(repository, document), 'utf8');

function findAll(document: string, pattern: RegExp): readonly string[] {
  return [...read(document).matchAll(pattern)].map(([, found = '']) => found);
}

describe.each(documents)('%s', (document) => {
  it('links to files that exist', () => {
    const folder = path.dirname(path.join(repository, document));
    const links = findAll(document, /\]\((?!https?:|#)([^)#]+)/g);

    expect(links.filter((link) => !existsSync(path.join(folder, link)))).toEqual([]);
  });

  it('names files and folders that exist', () => {
    const names = findAll(document, /`((?:src|test|lint|scripts|examples|docs)\/[\w./-]+)`/g);

    expect(names.filter((name) => !existsSync(path.join(repository, name)))).toEqual([]);
  });

  it('names scripts that exist', () => {
    const { scripts } = JSON.parse(read('package.json')) as { readonly scripts: object };
    const names = findAll(document, /\bnpm run ([\w:]+)/g);

    expect(names.filter((name) => !(name in scripts))).toEqual([]);
  });
});

describe('CONTRIBUTING.md', () => {
  it('explains every script', () => {
    const { scripts } = JSON.parse(read('package.json')) as { readonly scripts: object };
    const explained = findAll('CONTRIBUTING.md', /^\| `npm (?:run )?([\w:]+)` /gm);

    expect([...explained].toSorted()).toEqual(Object.keys(scripts).toSorted());
  });
});

describe('the list of decisions', () => {
  it('links to every decision', () => {
    const decisions = readdirSync(path.join(repository, 'docs/decisions'));
    const linked = findAll('docs/decisions/README.md', /\]\((\d{4}-[\w-]+\.md)\)/g);

    expect(linked).toEqual(decisions.filter((name) => name !== 'README.md').toSorted());
  });
});
