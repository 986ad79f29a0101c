/** Gives a text its hash. */
export type Hash = (text: string) => string | undefined | PromiseLike<string | undefined>;

/** Texts whose hashes are remembered; those of an application are few. */
const rememberedHashes = 1_000;

/** What one server is sent in the place of texts. */
export class Hashes {
  /** Whether it takes hashes at all, as far as it said. */
  areTaken = true;
  readonly #known = new Map<string, string>();
  readonly #hash: Hash;

  constructor(hash: Hash = toSha256Hex) {
    this.#hash = hash;
  }

  /** The hash of `text`, if it was found before. */
  recall(text: string): string | undefined {
    return this.#known.get(text);
  }

  /** The hash of `text`; `undefined` if it has none. Never rejects. */
  async find(text: string): Promise<string | undefined> {
    try {
      const hash = await this.#hash(text);
      if (hash) this.#remember(text, hash);
      return hash;
    } catch {
      return undefined; // it saves bytes, and is no reason to fail
    }
  }

  #remember(text: string, hash: string): void {
    this.#known.set(text, hash);
    const [oldest] = this.#known.keys();
    if (this.#known.size > rememberedHashes) this.#known.delete(String(oldest));
  }
}

async function toSha256Hex(text: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
