import { hmac } from '@noble/hashes/hmac.js';
import { sha256 } from '@noble/hashes/sha2.js';

import { UsageError } from '../../errors.ts';
import type { ErrorCode } from '../../errors.ts';
import type { Instant, Position } from '../../vocabulary.ts';
import type { ResumeKey, ResumeOptions } from './resume-options.ts';

/** What a token was good for. */
export type OpenedToken =
  | { readonly kind: 'opened'; readonly position: Position }
  | {
      readonly kind: 'refused';
      readonly code: Extract<ErrorCode, 'RESUME_INVALID' | 'RESUME_EXPIRED'>;
    };

const version = '1';
const maximumLength = 256;
const macBytes = 16;
const defaultMaxAgeMs = 86_400_000;
const keyIdPattern = /^[\w-]{1,32}$/;

/**
 * Makes and opens resume tokens: a position, when it came into being, and a MAC over both and over what they belong to.
 *
 * @remarks
 * A token says where somebody stopped reading, never what that is: which log it is about and who may read it follows from the request that it
 * comes with, which is admitted and resolved like any other. Whoever changes the position, or brings it along with another field, key or audience, is refused.
 */
export class ResumeTokens {
  #keys: readonly UsableKey[] | undefined;
  readonly #maxAgeMs: number;
  readonly #now: () => Instant;

  /** @throws UsageError for keys that cannot be used */
  constructor({ keys, maxAgeMs = defaultMaxAgeMs, now = Date.now }: ResumeOptions = {}) {
    this.#keys = keys?.map(toUsableKey);
    if (keys?.length === 0) throw new UsageError('resume.keys needs at least one key');
    if (keys && new Set(keys.map(({ id }) => id)).size < keys.length) {
      throw new UsageError('the ids of resume.keys have to differ');
    }
    this.#maxAgeMs = maxAgeMs;
    this.#now = now;
  }

  /**
   * Makes and opens tokens with `keys`, unless it was given some.
   *
   * @throws UsageError for keys that cannot be used
   */
  assume(keys: readonly ResumeKey[]): void {
    this.#keys ??= keys.map(toUsableKey);
  }

  /** Of the clock that tokens are dated by. */
  now(): Instant {
    return this.#now();
  }

  /**
   * A token for `position`; `undefined` if that is too long for one.
   *
   * @param subject - what the position belongs to
   * @param since - when the event at the position, or the reading, came into being
   */
  make(subject: string, position: Position, since: Instant): string | undefined {
    const [key] = this.#usableKeys();
    const { epoch, offset } = position;
    const body = toBase64Url(
      utf8.encode(JSON.stringify([epoch, offset, Math.floor(since / 1_000)])),
    );
    if (key === undefined) return undefined;
    const head = `${version}.${key.id}.${body}`;
    const token = `${head}.${macOf(key, head, subject)}`;
    return token.length <= maximumLength ? token : undefined;
  }

  /** What `token` says, if it is one of ours for `subject` and not too old. */
  open(token: string, subject: string): OpenedToken {
    const [tokenVersion, id, body = '', mac = '', ...rest] =
      token.length <= maximumLength ? token.split('.') : [];
    const key = this.#usableKeys().find((each) => each.id === id);
    if (tokenVersion !== version || key === undefined || rest.length > 0) return invalid;
    const isOurs = isSame(mac, macOf(key, `${version}.${key.id}.${body}`, subject));
    if (!isOurs) return invalid;
    // nobody but us wrote it
    const [epoch, offset, since] = JSON.parse(fromBase64Url(body)) as [string, string, number];
    const isOld = this.#now() - since * 1_000 > this.#maxAgeMs;
    return isOld
      ? { kind: 'refused', code: 'RESUME_EXPIRED' }
      : { kind: 'opened', position: { epoch, offset } };
  }

  /** A key of its own is made for the first token: some runtimes have no randomness while a program is loaded. */
  #usableKeys(): readonly UsableKey[] {
    this.#keys ??= [toUsableKey(randomKey())];
    return this.#keys;
  }
}

const invalid: OpenedToken = { kind: 'refused', code: 'RESUME_INVALID' };

interface UsableKey {
  readonly id: string;
  /** With the secret already in it, which is half of the work; to be cloned. */
  readonly mac: ReturnType<typeof hmac.create>;
}

function toUsableKey({ id, secret }: ResumeKey): UsableKey {
  const bytes = typeof secret === 'string' ? new TextEncoder().encode(secret) : secret;
  if (!keyIdPattern.test(id)) {
    throw new UsageError('the id of a resume key is 1 to 32 letters, digits, `-` and `_`');
  }
  if (bytes.length < 32) throw new UsageError('the secret of a resume key has at least 32 bytes');
  return { id, mac: hmac.create(sha256, bytes) };
}

function randomKey(): ResumeKey {
  return { id: 'process', secret: crypto.getRandomValues(new Uint8Array(32)) };
}

/** The subject is not in the token: whoever opens it knows it from the request. */
function macOf({ mac }: UsableKey, head: string, subject: string): string {
  const message = utf8.encode(`${head}\n${subject}`);
  return toBase64Url(mac.clone().update(message).digest().subarray(0, macBytes));
}

/** Takes as long for any two texts of the same length. */
function isSame(one: string, other: string): boolean {
  let difference = one.length ^ other.length;
  for (let i = 0; i < other.length; i++) difference |= one.charCodeAt(i) ^ other.charCodeAt(i);
  return difference === 0;
}

const utf8 = new TextEncoder();

const utf8Text = new TextDecoder();

const unsafeCharacters = /[+/=]/g;
const replacements: Readonly<Record<string, string>> = { '+': '-', '/': '_', '=': '' };

function toBase64Url(bytes: Uint8Array): string {
  let binary = '';
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary).replace(unsafeCharacters, (character) => replacements[character] ?? '');
}

function fromBase64Url(text: string): string {
  const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i += 1) bytes[i] = binary.charCodeAt(i);
  return utf8Text.decode(bytes);
}
