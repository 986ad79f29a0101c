import { sha256 } from '@noble/hashes/sha2.js';

/** What may stand in a name as it is; dots, wildcards, white space and `%` are not among it. */
const escaped = /[^\w:/@=+~!-]/gu;

/** Longer names are hashed: a server refuses lines of more than 4 KiB. */
const tokenBytes = 200;

const utf8 = new TextEncoder();

/** Whether a stream can be called so, and its subjects begin so. */
export function isPrefix(text: string): boolean {
  return /^[\w-]{1,32}$/.test(text);
}

/** No two pairs of topic and key have a subject in common. */
export function subjectOf(prefix: string, topic: string, key: string): string {
  return `${prefix}.${toToken(topic)}.${toToken(key)}`;
}

/** Names one publication within the stream, which holds all logs. */
export function messageIdOf(subject: string, idempotencyId: string): string {
  return `${subject}.${toToken(idempotencyId)}`;
}

/** Different for different texts. Neither `%h` nor `%` alone is what escaping makes. */
function toToken(text: string): string {
  if (text === '') return '%';
  const token = text.replaceAll(escaped, escapeCharacter);
  return token.length > tokenBytes ? `%h${toHex(sha256(utf8.encode(token)))}` : token;
}

function escapeCharacter(character: string): string {
  // halves of surrogate pairs have no UTF-8: all of them would become the same character
  if (/\p{Surrogate}/u.test(character))
    return `%u${character.charCodeAt(0).toString(16).toUpperCase()}`;
  return [...utf8.encode(character)].map((byte) => `%${toHex([byte]).toUpperCase()}`).join('');
}

function toHex(bytes: Iterable<number>): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}
