import { toSha256Hex } from './sha256.ts';

/** The documents that the clients of a server are known to use. */
export interface TrustedDocumentsOptions {
  /**
   * Texts by id: the ids that clients send, as `documentId` or as the hash of a persisted query.
   *
   * @remarks
   * A map is read once, when the server is created. A function is asked for each request; for one that holds a text and no id it is asked with
   * the SHA-256 of that text, 64 lower-case hexadecimal digits. It has to treat ids as the input of strangers.
   */
  readonly documents: ReadonlyMap<string, string> | TrustedDocumentSource;
  /** What becomes of a request with any other document, introspection included. @defaultValue 'refuse' */
  readonly others?: 'refuse' | 'accept';
}

/** Finds the text of a document by its id, up to 1,024 characters that a client chose; `undefined` and `null` if there is none. */
export type TrustedDocumentSource = (
  id: string,
) => string | null | undefined | Promise<string | null | undefined>;

/** {@link TrustedDocumentsOptions} at work. */
export class TrustedDocuments {
  readonly othersAre: 'refuse' | 'accept';
  readonly #find: TrustedDocumentSource;
  readonly #texts: ReadonlySet<string> | undefined;

  constructor({ documents, others = 'refuse' }: TrustedDocumentsOptions) {
    this.othersAre = others;
    if (typeof documents === 'function') {
      this.#find = documents;
      return;
    }
    const held = new Map(documents);
    this.#find = (id) => held.get(id);
    this.#texts = new Set(held.values());
  }

  /** The text with that id; rejects if the source of the documents does. */
  async find(id: string): Promise<string | undefined> {
    const text = await this.#find(id);
    return typeof text === 'string' ? text : undefined;
  }

  /** Whether `text` is a trusted document; `id` is the one that came with it. */
  async has(text: string, id: string | undefined): Promise<boolean> {
    if (this.#texts) return this.#texts.has(text);
    return (await this.find(id ?? (await toSha256Hex(text)))) === text;
  }
}
