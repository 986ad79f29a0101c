import type { FileContent } from './file-content.ts';

/**
 * A file of a request, before or while its bytes come. Its members are those of a web `File`, as far as they can be known.
 *
 * @remarks
 * A file is read once, by one of `stream`, `arrayBuffer` and `text`, unless its client put it in several places of the variables. Reading ends with an error
 * if the file exceeds a limit, its client leaves, or the operation has its result.
 */
export interface UploadedFile {
  /** As its client calls it; not to be used as a path. */
  readonly name: string;
  /** The media type, as its client says; `application/octet-stream` if it says none. */
  readonly type: string;
  /** In bytes, once all of them came. */
  readonly size: number | undefined;
  /** The bytes as they come. A reader that is slow makes the client wait; cancelling drops what is left. */
  stream(): ReadableStream<Uint8Array>;
  arrayBuffer(): Promise<ArrayBuffer>;
  /** The content as UTF-8. */
  text(): Promise<string>;
}

/** What a client says of a file, and what it sends of it. */
export function createUploadedFile(
  { name, type }: Pick<UploadedFile, 'name' | 'type'>,
  content: FileContent,
): UploadedFile {
  return {
    name,
    type,
    get size() {
      return content.size;
    },
    stream: () => toStream(content),
    arrayBuffer: () => readAll(content),
    text: async () => new TextDecoder().decode(await readAll(content)),
  };
}

function toStream(content: FileContent): ReadableStream<Uint8Array> {
  const reader = content.open();
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const chunk = await reader.next();
        if (chunk) controller.enqueue(chunk);
        else controller.close();
      },
      cancel: () => reader.cancel(),
    },
    // nothing is taken that nobody asked for
    { highWaterMark: 0 },
  );
}

async function readAll(content: FileContent): Promise<ArrayBuffer> {
  const reader = content.open();
  const chunks: Uint8Array[] = [];
  let size = 0;
  for (let chunk = await reader.next(); chunk; chunk = await reader.next()) {
    chunks.push(chunk);
    size += chunk.length;
  }
  const bytes = new Uint8Array(size);
  let offset = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, offset);
    offset += chunk.length;
  }
  return bytes.buffer;
}
