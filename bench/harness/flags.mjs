import { parseArgs } from 'node:util';

/** @typedef {Record<string, number | readonly string[]>} Flags */

/**
 * What the command line says: a number, or names with commas between them, for each flag.
 *
 * @template {Flags} Defaults
 * @param {Defaults} defaults
 * @param {Partial<Defaults>} [short] what `--short` puts in their place
 * @returns {{ [Name in keyof Defaults]: Defaults[Name] extends number ? number : readonly string[] }}
 */
export function readFlags(defaults, short = {}) {
  const names = Object.keys(defaults);
  /** @type {Record<string, { type: 'string' | 'boolean' }>} */
  const options = Object.fromEntries(names.map((name) => [name, { type: 'string' }]));
  options['short'] = { type: 'boolean' };
  const { values } = parseArgs({ options });
  const base = values['short'] === true ? { ...defaults, ...short } : defaults;
  const entries = names.map((name) => [name, toFlag(name, values[name], base[name] ?? [])]);
  return Object.fromEntries(entries); // each is of the kind of its default
}

/**
 * @param {string} name
 * @param {string | boolean | undefined} word
 * @param {number | readonly string[]} base
 * @returns {number | readonly string[]}
 */
function toFlag(name, word, base) {
  if (typeof word !== 'string') return base;
  if (typeof base !== 'number') return word.split(',');
  const number = Number(word);
  if (!(number >= 0)) throw new Error(`--${name} takes a number, not ${word}`);
  return number;
}
