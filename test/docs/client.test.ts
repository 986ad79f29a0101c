import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { isErrorCode } from 'millrace';
import { describe, expect, it } from 'vitest';

import { isRetryableClose } from '../../src/protocol/client-closing.ts';

const repository = fileURLToPath(new URL('../../', import.meta.url));
const read = (file: string): string => readFileSync(path.join(repository, file), 'utf8');

/** Sections by their headings, of whatever level. */
const sections = new Map(
  ['docs/appsync.md', 'docs/client.md', 'docs/tabs.md']
    .flatMap((page) => read(page).split(/\n#+ /))
    .map((section) => [section.split('\n', 1)[0] ?? '', section] as const),
);

/** Cells of the rows of a section, without padding and backticks; without the head. */
function rowsOf(title: string): readonly (readonly string[])[] {
  const lines = sections.get(title)?.split('\n') ?? [];
  return lines
    .filter((line) => line.startsWith('|'))
    .slice(2)
    .map((line) => line.split('|').slice(1, -1))
    .map((cells) => cells.map((cell) => cell.trim().replaceAll('`', '')));
}

interface Declared {
  readonly name: string;
  readonly isRequired: boolean;
  /** What stands behind `@defaultValue`, up to the end of its line. */
  readonly defaultValue: string | undefined;
}

/** The members of an interface, or of a type that is written like one. */
function membersOf(file: string, declaration: string): readonly Declared[] {
  const text = read(file);
  const start = text.search(new RegExp(String.raw`(?:interface|type) ${declaration}\b`));
  const body = text.slice(start, text.indexOf('\n}', start));
  const member = /(?:^ {2}\/\*\*((?:(?!\*\/).)*)\*\/\n)?^ {2}readonly (\w+)(\??):/gms;
  return [...body.matchAll(member)].map(([, comment = '', name = '', optional]) => ({
    name,
    isRequired: optional === '',
    defaultValue: /@defaultValue (.*)/.exec(comment)?.[1]?.trim(),
  }));
}

const webSocketOptions = membersOf(
  'src/client/transports/websocket-transport.ts',
  'WebSocketOptions',
);
const nodeOptions = membersOf('src/client/websocket-node.ts', 'WebSocketOptions');
const hostOptions = membersOf('src/client/tabs/host-options.ts', 'TabsHostOptions');
const fetchOptions = 'src/client/transports/fetch-options.ts';

const tables = [
  {
    title: 'Options of the client',
    members: membersOf('src/client/client-options.ts', 'ClientOptions'),
    defaultColumn: 1,
  },
  {
    title: 'Options of an operation',
    members: [
      { name: 'variables', isRequired: false, defaultValue: undefined },
      ...membersOf('src/client/operation-handle.ts', 'OperationOptions'),
    ],
    defaultColumn: 1,
  },
  {
    title: 'An explicit connection',
    members: membersOf('src/client/client.ts', 'ConnectOptions'),
    defaultColumn: 1,
  },
  {
    title: 'Results that come faster than they are read',
    members: membersOf('src/client/result-iterator.ts', 'BufferOptions'),
    defaultColumn: 1,
  },
  {
    title: '`websocket(options)`',
    members: [...webSocketOptions, ...nodeOptions],
    defaultColumn: 1,
  },
  {
    title: '`sse(options)`, `multipart(options)`, `http(options)`',
    members: [
      ...['FetchOptions', 'StreamOptions', 'MethodOptions', 'FileOptions'].flatMap((name) =>
        membersOf(fetchOptions, name),
      ),
      ...membersOf('src/client/multipart.ts', 'MultipartOptions'),
    ],
    defaultColumn: 2,
  },
  {
    title: 'One event stream for all operations',
    members: [
      ...['FetchOptions', 'StreamOptions'].flatMap((name) => membersOf(fetchOptions, name)),
      ...membersOf('src/client/sse-single.ts', 'SseSingleOptions'),
    ],
    defaultColumn: 1,
  },
  {
    title: '`appsync(options)`',
    members: [
      ...membersOf('src/client/transports/appsync-transport.ts', 'AppsyncOptions'),
      ...membersOf('src/client/appsync-node.ts', 'AppsyncOptions'),
    ],
    defaultColumn: 1,
  },
  {
    title: 'Sessions that are renewed',
    members: membersOf('src/client/renewal.ts', 'RenewalOptions'),
    defaultColumn: 1,
  },
  {
    title: 'Going on where the results stopped',
    members: membersOf('src/client/resume.ts', 'ResumeOptions'),
    defaultColumn: 1,
  },
  {
    title: '`@defer` and `@stream`',
    members: membersOf('src/client/incremental.ts', 'IncrementalOptions'),
    defaultColumn: 1,
  },
  {
    title: 'Hashes in the place of documents',
    members: membersOf('src/client/persisted-queries.ts', 'PersistedQueriesOptions'),
    defaultColumn: 1,
  },
  {
    title: 'Options of `tabs`',
    members: [
      ...membersOf('src/client/tabs.ts', 'TabsOptions'),
      ...hostOptions.filter(({ name }) => name === 'unreadBytes' || name === 'tabs'),
    ],
    defaultColumn: 1,
  },
  {
    title: 'Options of `serveTabs`',
    members: [...membersOf('src/client/tabs-worker.ts', 'ServeTabsOptions'), ...hostOptions],
    defaultColumn: 1,
  },
] as const;

/** Options of `retry` stand above a second table in their section. */
const retryRows = rowsOf('What is tried again').filter(([name = '']) => /^[a-z]\w+$/.test(name));

/** What the cell of a default has to look like. */
function toPattern({ isRequired, defaultValue = 'none' }: Declared): RegExp {
  const [, digits] = /^([\d_]+)/.exec(defaultValue) ?? [];
  const [, text] = /^'(\w+)'/.exec(defaultValue) ?? [];
  if (isRequired) return /^required$/;
  if (digits !== undefined) {
    return new RegExp(`^${Number(digits.replaceAll('_', '')).toLocaleString('en')}\\b`);
  }
  if (text !== undefined) return new RegExp(`^${text}\\b`);
  return defaultValue === 'none' ? /./ : /^(?!none$)./;
}

/** In the order of their characters. */
function sorted(words: Iterable<string | undefined>): readonly string[] {
  return [...new Set([...words].map(String))].toSorted((one, other) => (one < other ? -1 : 1));
}

function codesIn(cell: string): readonly number[] {
  return [...cell.matchAll(/\d{4}/g)].map(([code]) => Number(code));
}

describe('docs/client.md', () => {
  it.each(tables)('has every option in “$title”, and no other', ({ title, members }) => {
    const named = rowsOf(title).map(([name]) => name);

    expect(sorted(named)).toEqual(sorted(members.map(({ name }) => name)));
  });

  it.each(
    tables.flatMap(({ title, members, defaultColumn }) =>
      members.map((member) => ({ title, member, name: member.name, defaultColumn })),
    ),
  )('says in “$title” what $name is without being given', ({ title, member, defaultColumn }) => {
    const row = rowsOf(title).find(([name]) => name === member.name);

    expect(row?.[defaultColumn]).toMatch(toPattern(member));
  });

  it('has every option of `retry` with its default', () => {
    const members = membersOf('src/client/retry.ts', 'RetryOptions');

    expect(retryRows.map(([name]) => name)).toEqual(members.map(({ name }) => name));
    for (const [index, member] of members.entries()) {
      expect(retryRows[index]?.[1]).toMatch(toPattern(member));
    }
  });

  it('has every code of a failure', () => {
    const named = rowsOf('Errors').map(([code]) => code);

    expect(sorted(named)).toEqual(codesInSources());
  });

  it('says of each close code whether it is tried again', () => {
    const [, retried = '', final = ''] =
      rowsOf('What is tried again').find(([where]) => where === 'a WebSocket') ?? [];
    const isRetried = (code: number): boolean =>
      code < 3000 ? codesIn(retried).includes(code) : !codesIn(final).includes(code);
    const codes = [
      ...Array.from({ length: 16 }, (_, index) => 1000 + index),
      ...Array.from({ length: 2000 }, (_, index) => 3000 + index),
    ];

    expect(codes.filter((code) => isRetryableClose(code, false))).toEqual(codes.filter(isRetried));
    expect(isRetryableClose(4403, true)).toBe(true);
  });

  it('has every state of an operation', () => {
    const [, declared = ''] =
      /type OperationState =(.*?)\n\n/s.exec(read('src/client/operation-handle.ts')) ?? [];
    const states = [...declared.matchAll(/'(\w+)'/g)].map(([, state]) => state);

    expect(rowsOf('Where an operation is').map(([state]) => state)).toEqual(states);
  });
});

/** Codes that the client gives to failures, and those with which the parsers of its responses end. */
function codesInSources(): readonly string[] {
  const folders = ['src/client', 'src/protocol/sse', 'src/protocol/multipart'];
  const texts = folders.flatMap((folder) =>
    readdirSync(path.join(repository, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts') && !name.includes('server'))
      .map((name) => read(path.join(folder, name))),
  );
  // what is only compared with is what a server says
  const word = /(?<!=== )'([A-Z_]+)'/g;
  const words = texts.flatMap((text) => [...text.matchAll(word)].map(([, code]) => code));
  return sorted(words.filter((code) => isErrorCode(code)));
}
