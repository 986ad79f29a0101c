import { toFileSource } from './file-source.ts';
import type { FileSource } from './file-source.ts';
import { StreamedFile } from './streamed-file.ts';

/** A form that is written while it is sent. */
export interface FormStream {
  readonly body: ReadableStream<Uint8Array>;
  readonly contentType: string;
}

/** One file on its way. */
interface Part {
  readonly head: string;
  readonly source: FileSource;
}

/**
 * Writes a form as RFC 7578 has it; `files` are named by their index.
 *
 * @param signal - aborts when nobody reads any more: the streams are cancelled then
 * @throws TypeError for a file that has no stream, or none left
 */
export function toFormStream(
  fields: Readonly<Record<string, string>>,
  files: readonly unknown[],
  signal: AbortSignal,
): FormStream {
  const boundary = `millrace${crypto.getRandomValues(new Uint32Array(4)).join('')}`;
  const parts: Part[] = [];
  const cancel = (): void => {
    for (const { source } of parts) source.discard();
  };
  try {
    for (const [index, file] of files.entries()) parts.push(toPart(file, index));
  } catch (error) {
    cancel();
    throw error;
  }
  if (signal.aborted) cancel();
  else signal.addEventListener('abort', cancel);
  const pieces = write(boundary, fields, parts);
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await pieces.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    cancel,
  });
  return { body, contentType: `multipart/form-data; boundary=${boundary}` };
}

function toPart(file: unknown, index: number): Part {
  if (!(file instanceof StreamedFile || file instanceof Blob)) {
    throw new TypeError('A file beside a StreamedFile has to be a Blob');
  }
  const name = 'name' in file ? file.name : 'blob';
  const type = file.type || 'application/octet-stream';
  return {
    head: `name="${index}"; filename="${escapeName(name)}"\r\nContent-Type: ${escapeName(type)}`,
    source: toFileSource(file instanceof Blob ? file.stream() : file.take()),
  };
}

/** As browsers do: the HTML standard, "multipart/form-data encoding algorithm". */
function escapeName(name: string): string {
  return name.replaceAll('"', '%22').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

async function* write(
  boundary: string,
  fields: Readonly<Record<string, string>>,
  parts: readonly Part[],
): AsyncGenerator<Uint8Array, undefined, undefined> {
  const open = (head: string): Uint8Array =>
    encode(`--${boundary}\r\nContent-Disposition: form-data; ${head}\r\n\r\n`);
  for (const [name, text] of Object.entries(fields)) {
    yield open(`name="${name}"`);
    yield encode(`${text}\r\n`);
  }
  for (const { head, source } of parts) {
    yield open(head);
    for (;;) {
      const { done, value } = await source.next();
      if (done) break;
      yield toBytes(value);
    }
    yield encode('\r\n');
  }
  yield encode(`--${boundary}--\r\n`);
  return undefined;
}

function toBytes(chunk: unknown): Uint8Array {
  if (chunk instanceof Uint8Array) return chunk;
  if (typeof chunk === 'string') return encode(chunk);
  throw new TypeError('The stream of a file has to bring bytes or text');
}

/** Not made before it is needed: not every runtime that has forms has such a thing. */
function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
