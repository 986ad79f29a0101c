import { HttpProblem } from '../http-problem.ts';
import { exceeded, invalidForm } from './upload-problem.ts';
import { Upload } from './upload.ts';
import type { UploadLimits } from './upload-options.ts';

/** The members of a request as it was sent. */
export type Operations = Record<string, unknown>;

/** Reads the field `operations`; throws {@link HttpProblem}. */
export function parseOperations(text: string): Operations {
  const operations = parseField('operations', text);
  if (isObject(operations)) return operations;
  throw invalidForm(
    Array.isArray(operations)
      ? 'the form field `operations` has a batch, and batches are not executed here'
      : 'the form field `operations` must be a JSON object',
  );
}

/**
 * Reads the field `map`, and puts a placeholder for every file where it says; throws {@link HttpProblem}.
 *
 * @returns by the names of their parts
 */
export function placeUploads(
  operations: Operations,
  mapText: string,
  limits: UploadLimits,
): Map<string, Upload> {
  const map = parseField('map', mapText);
  if (!isObject(map)) throw invalidForm('the form field `map` must be a JSON object');
  const entries = Object.entries(map);
  if (entries.length > limits.files) throw exceeded(limits, 'files');
  let places = 0;
  const uploads = new Map<string, Upload>();
  for (const [name, paths] of entries) {
    assertPaths(name, paths);
    places += paths.length;
    if (places > limits.paths) throw exceeded(limits, 'paths');
    const upload = new Upload(paths.length > 1);
    paths.forEach((path, index) => {
      if (!place(operations, path, upload)) throw invalidPath(name, index, path);
    });
    uploads.set(name, upload);
  }
  return uploads;
}

function assertPaths(name: string, paths: unknown): asserts paths is readonly string[] {
  if (!Array.isArray(paths)) {
    throw invalidForm(`the entry ${quote(name)} of the form field \`map\` must be an array`);
  }
  const index = paths.findIndex((path) => typeof path !== 'string');
  if (index === -1) return;
  throw invalidForm(
    `the entry ${quote(name)} of the form field \`map\` must have a string at index ${index}`,
  );
}

function invalidPath(name: string, index: number, path: string): HttpProblem {
  return invalidForm(
    `the entry ${quote(name)} of the form field \`map\` has at index ${index} ${quote(path)}, which is no place of a \`null\` in \`variables\``,
  );
}

/** What leads to objects that are not the client's. */
const forbiddenSegments: ReadonlySet<string> = new Set(['__proto__', 'prototype', 'constructor']);

/** Puts `upload` in place of the `null` at `path`; whether there is one. */
function place(operations: Operations, path: string, upload: Upload): boolean {
  const segments = path.split('.');
  if (segments[0] !== 'variables' || segments.length < 2) return false;
  if (segments.some((segment) => forbiddenSegments.has(segment))) return false;
  const last = segments.pop() ?? '';
  let holder: unknown = operations;
  for (const segment of segments) {
    if (!hasOwn(holder, segment)) return false;
    holder = holder[segment];
  }
  if (!hasOwn(holder, last) || holder[last] !== null) return false;
  holder[last] = upload;
  return true;
}

function hasOwn(holder: unknown, name: string): holder is Record<string, unknown> {
  return typeof holder === 'object' && holder !== null && Object.hasOwn(holder, name);
}

function parseField(name: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new HttpProblem('BODY_NOT_JSON', `the form field \`${name}\` must be JSON`);
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Names are a client's, and as long as it likes. */
function quote(text: string): string {
  return JSON.stringify(text.length > 100 ? `${text.slice(0, 100)}…` : text);
}
