import type { Instant } from '../../vocabulary.ts';

/** A secret that resume tokens are authenticated with. */
export interface ResumeKey {
  /** Stands in each token that it made: letters, digits, `-` and `_`. */
  readonly id: string;
  /** At least 32 bytes; text counts as UTF-8. The same in every process that shall understand the tokens of the others. */
  readonly secret: string | Uint8Array;
}

/** How clients that were away go on where they stopped. */
export interface ResumeOptions {
  /**
   * The first one makes tokens, all of them open tokens: put a new one first, and take an old one out once its tokens are too old.
   *
   * @defaultValue one random key, whose tokens no other process understands
   */
  readonly keys?: readonly ResumeKey[];
  /** Age of the event or the start that a token was made for, in milliseconds, from which on it is refused. @defaultValue 86_400_000 */
  readonly maxAgeMs?: number;
  /**
   * Estimated size of the events and results that are kept so that nothing is executed again for clients that come back, in bytes. Only those of groups
   * with such clients are; 0: none.
   *
   * @defaultValue 16_777_216
   */
  readonly resultBytes?: number;
  /** Milliseconds since 1970. @defaultValue Date.now */
  readonly now?: () => Instant;
}
