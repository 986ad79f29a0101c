import type { OperationRequest } from '../../vocabulary.ts';

/** A request whose files were taken out. */
export interface TakenFiles {
  /** The request as JSON, with `null` where files were. */
  readonly operations: string;
  /** Where they were, as JSON: lists of paths, by the index of the file. */
  readonly map: string;
  /** Each once, in the order in which they were found. */
  readonly files: readonly unknown[];
}

/**
 * Writes a request and takes its files out; the request itself stays as it is.
 *
 * @throws TypeError for what JSON cannot hold, and for a file that has no path
 */
export function takeFiles(
  { query, operationName, variables, extensions }: OperationRequest,
  isFile: (value: unknown) => boolean,
): TakenFiles {
  const pathsByFile = new Map<unknown, string[]>();
  // of the object that is being written: one that stands in two places is written twice
  const keysTo = new Map<unknown, readonly string[]>();
  const operations = JSON.stringify(
    { query: query || undefined, operationName, variables, extensions },
    function take(this: unknown, key, value: unknown): unknown {
      const parents = keysTo.get(this);
      const keys = parents ? [...parents, key] : [];
      if (isFile(value)) {
        const paths = pathsByFile.get(value);
        if (paths) paths.push(toPath(keys));
        else pathsByFile.set(value, [toPath(keys)]);
        return null;
      }
      assertWritable(value, keys);
      const written = isFileList(value) ? Array.from(value) : value;
      keysTo.set(written, keys);
      return written;
    },
  );
  const map = JSON.stringify(Object.fromEntries([...pathsByFile.values()].entries()));
  return { operations, map, files: [...pathsByFile.keys()] };
}

/** What an `<input type="file">` has is no list for JSON. */
function isFileList(value: unknown): value is ArrayLike<unknown> {
  return Object.prototype.toString.call(value) === '[object FileList]';
}

function toPath(keys: readonly string[]): string {
  const path = keys.join('.');
  if (keys[0] !== 'variables') {
    throw new TypeError(`Files belong into the variables; there is one at ${path}`);
  }
  if (keys.some((key) => key.includes('.'))) {
    throw new TypeError(`No file can be sent at ${path}: a key has a dot in it`);
  }
  return path;
}

/** JSON would hold something of a stream, which nobody meant. */
function assertWritable(value: unknown, keys: readonly string[]): void {
  const { pipe, getReader } = Object(value) as Readonly<Record<string, unknown>>; // an object has any member, or none
  if (typeof pipe !== 'function' && typeof getReader !== 'function') return;
  throw new TypeError(`A stream needs a name to be sent: StreamedFile, at ${keys.join('.')}`);
}
