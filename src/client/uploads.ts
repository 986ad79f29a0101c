import { isFile } from '../protocol/json-frame.ts';
import type { Uploads } from './transports/fetch-options.ts';
import { toFormStream } from './uploads/form-stream.ts';
import { StreamedFile } from './uploads/streamed-file.ts';
import { takeFiles } from './uploads/take-files.ts';

export type { Form, Uploads } from './transports/fetch-options.ts';
export { StreamedFile } from './uploads/streamed-file.ts';
export type { FileStream } from './uploads/streamed-file.ts';

/** Options of {@link uploads}. */
export interface UploadsOptions {
  /**
   * What counts as a file beside `Blob`, `File` and {@link StreamedFile}: what the `FormData` of the runtime takes as one. On React Native it is {@link isReactNativeFile}.
   *
   * @defaultValue none
   */
  readonly isFile?: (value: unknown) => boolean;
  /**
   * Headers that make browsers ask a server first whether it wants the request; servers insist on one. For another origin all of them have to be allowed there.
   *
   * @defaultValue `graphql-require-preflight`, `apollo-require-preflight` and `graphql-preflight`, each `1`
   */
  readonly preflightHeaders?: Readonly<Record<string, string>>;
  /** @defaultValue the runtime's */
  readonly FormData?: new () => FormData;
}

const preflight = {
  'graphql-require-preflight': '1',
  'apollo-require-preflight': '1',
  'graphql-preflight': '1',
};

/**
 * Sends operations whose variables hold files as the GraphQL multipart request specification says; all others go as they would without it. For `http({ uploads: uploads() })`, and as well
 * `sse` and `multipart`.
 *
 * @remarks
 * Files may stand anywhere in the variables, in lists too, and in several places: the same object is sent once. The variables stay as they are. An operation fails with `CLIENT_ERROR` for a
 * file elsewhere in its request, or below a key with a dot, which the specification cannot name.
 */
export function uploads(options: UploadsOptions = {}): Uploads {
  const { isFile: isOther, preflightHeaders = preflight, FormData = globalThis.FormData } = options;
  const isAnyFile = (value: unknown): boolean => isFile(value) || isOther?.(value) === true;
  return (request, signal) => {
    const { files, ...fields } = takeFiles(request, isAnyFile);
    if (files.length === 0) return undefined;
    const isOnce = files.some((file) => file instanceof StreamedFile);
    const { body, contentType } = isOnce
      ? toFormStream(fields, files, signal)
      : { body: toFormData(new FormData(), fields, files), contentType: undefined };
    return {
      isOnce,
      toInit(headers) {
        for (const [name, value] of Object.entries(preflightHeaders)) {
          if (!headers.has(name)) headers.set(name, value);
        }
        // who sends a `FormData` says how its parts are told apart
        headers.delete('content-type');
        if (contentType) headers.set('content-type', contentType);
        return { body, ...(isOnce && { duplex: 'half' }) };
      },
    };
  };
}

function toFormData(
  form: FormData,
  fields: Readonly<Record<string, string>>,
  files: readonly unknown[],
): FormData {
  for (const [name, text] of Object.entries(fields)) form.append(name, text);
  // what `isFile` let through the runtime's own `FormData` takes as well
  for (const [index, file] of files.entries()) form.append(String(index), file as Blob);
  return form;
}

/** The files of React Native: objects with a `uri`, a `name` and a `type`, which its `FormData` takes. */
export function isReactNativeFile(value: unknown): boolean {
  const { uri, name, type } = Object(value) as Readonly<Record<string, unknown>>; // an object has any member, or none
  return [uri, name, type].every((member) => typeof member === 'string');
}
