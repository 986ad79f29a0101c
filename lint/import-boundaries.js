import { isBuiltin } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * What the files of one folder of `src/` may import besides their own folder and the two leaves.
 *
 * @typedef {object} Boundary
 * @property {readonly string[] | 'every'} folders - Folders of `src/`.
 * @property {readonly string[] | 'every'} packages - Exact specifiers, so `graphql` does not allow `graphql/language`.
 * @property {boolean} node - Whether modules of Node itself are allowed.
 */

/** Files directly in `src/` that every folder may import. */
const leaves = new Set(['errors.ts', 'vocabulary.ts']);

/** @type {Boundary} */
const unbounded = { folders: 'every', packages: 'every', node: true };

/** @type {Readonly<Record<string, Boundary>>} */
export const boundaries = {
  protocol: { folders: [], packages: [], node: false },
  stream: { folders: [], packages: [], node: false },
  execution: { folders: ['stream'], packages: ['graphql', 'lru-cache'], node: false },
  broker: {
    folders: ['stream'],
    packages: [
      'graphql',
      'pg',
      'redis',
      '@nats-io/jetstream',
      '@nats-io/transport-node',
      '@noble/hashes/sha2.js',
    ],
    node: false,
  },
  server: {
    folders: ['execution', 'broker', 'protocol', 'stream'],
    packages: [
      'graphql',
      'lru-cache',
      'multipasta',
      '@noble/hashes/hmac.js',
      '@noble/hashes/sha2.js',
    ],
    node: false,
  },
  client: { folders: ['protocol', 'stream'], packages: ['graphql', 'ws'], node: false },
  links: { folders: ['client'], packages: 'every', node: false },
  adapters: { folders: ['server'], packages: 'every', node: true },
  migrate: {
    folders: ['adapters', 'server', 'execution', 'broker', 'stream'],
    packages: ['graphql', 'lru-cache', 'ws'],
    node: true,
  },
  testing: unbounded,
  audit: unbounded,
  cli: unbounded,
  'index.ts': unbounded,
  'errors.ts': { folders: [], packages: [], node: false },
  'vocabulary.ts': { folders: [], packages: [], node: false },
};

const defaultRoot = fileURLToPath(new URL('../src', import.meta.url));

/**
 * Why `importer` must not import `specifier`, or `undefined` where it may.
 *
 * @param {string} importer - Absolute path of the importing file.
 * @param {string} specifier - As written in the import.
 * @param {string} [root] - Absolute path of `src/`; files elsewhere are free.
 * @returns {string | undefined}
 */
export function findOffence(importer, specifier, root = defaultRoot) {
  const from = toPart(importer, root);
  if (from === undefined) return undefined;
  const boundary = Object.hasOwn(boundaries, from) ? boundaries[from] : undefined;
  if (boundary === undefined) return `${from} has no row in the table of lint/import-boundaries.js`;
  if (!specifier.startsWith('.')) return findPackageOffence(from, boundary, specifier);

  const to = toPart(path.resolve(path.dirname(importer), specifier), root);
  if (to === undefined) return `${from} must not import ${specifier}: it lies outside src/`;
  if (to === from || leaves.has(to) || boundary.folders === 'every') return undefined;
  if (boundary.folders.includes(to)) return undefined;
  return `${from} must not import from ${to}: ${listOf(boundary.folders)}`;
}

/**
 * @param {string} from
 * @param {Boundary} boundary
 * @param {string} specifier
 * @returns {string | undefined}
 */
function findPackageOffence(from, boundary, specifier) {
  // The package's own name resolves to a folder as well, past this rule.
  if (/^millrace(\/|$)/.test(specifier)) return `${from} must import ${specifier} by its path`;
  if (isBuiltin(specifier)) {
    return boundary.node ? undefined : `${from} runs on every runtime: no ${specifier}`;
  }
  if (boundary.packages === 'every' || boundary.packages.includes(specifier)) return undefined;
  return `${from} must not import ${specifier}: ${listOf(boundary.packages)}`;
}

/** @param {readonly string[]} allowed */
function listOf(allowed) {
  return allowed.length === 0 ? 'nothing of that kind is allowed' : `only ${allowed.join(', ')}`;
}

/**
 * The folder of `src/` that `file` lies in, or its name if it lies in none.
 *
 * @param {string} file
 * @param {string} root
 * @returns {string | undefined}
 */
function toPart(file, root) {
  const relative = path.relative(root, file);
  if (relative === '' || relative.startsWith('..') || path.isAbsolute(relative)) return undefined;
  return relative.split(path.sep)[0];
}

/**
 * @typedef {{ readonly value?: unknown } | null | undefined} Specifier
 * @typedef {object} RuleContext - The members of the linter's context that are used here.
 * @property {string} filename - Absolute path.
 * @property {readonly { readonly root?: string }[]} options - What the configuration gives this rule.
 * @property {(problem: { readonly node: object, readonly message: string }) => void} report - Called per offence.
 */

const importBoundaries = {
  meta: {
    type: 'problem',
    docs: { description: 'Imports between the folders of src/ follow the table of boundaries.' },
    schema: [{ type: 'object', properties: { root: { type: 'string' } } }],
  },
  /** @param {RuleContext} context */
  create(context) {
    const root = context.options[0]?.root ?? defaultRoot;
    /** @param {{ readonly source?: Specifier }} node */
    const check = ({ source }) => {
      if (typeof source?.value !== 'string') return;
      const message = findOffence(context.filename, source.value, root);
      if (message !== undefined) context.report({ node: source, message });
    };
    return {
      ImportDeclaration: check,
      ExportNamedDeclaration: check,
      ExportAllDeclaration: check,
      ImportExpression: check,
      TSImportType: check,
    };
  },
};

export default {
  meta: { name: 'millrace' },
  rules: { 'import-boundaries': importBoundaries },
};
