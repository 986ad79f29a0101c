import { ProtocolViolation } from '../errors.ts';
import type { Frame } from '../vocabulary.ts';

/** A JSON object of which nothing is known yet. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** The members that messages of all our protocols are made of. */
export interface MessageLike {
  readonly id?: string | number | null;
  readonly type: string;
  readonly payload?: unknown;
}

// made for the first binary frame: there are runtimes that have none, and get text alone
let utf8: TextDecoder | undefined;

/**
 * Reads one frame, text or binary, that has to hold a JSON object.
 *
 * @throws ProtocolViolation with `BAD_REQUEST` for anything else, invalid UTF-8 included
 */
export function parseJsonObject(frame: Frame): JsonObject {
  const value = readJsonObject(frame);
  if (value === noObject) {
    throw new ProtocolViolation('BAD_REQUEST', 'A message must be a JSON object.');
  }
  return value;
}

const noObject: JsonObject = {};

/** As {@link parseJsonObject}, but gives an object without members for anything else. */
export function readJsonObject(frame: Frame): JsonObject {
  try {
    const value: unknown = JSON.parse(typeof frame === 'string' ? frame : decode(frame));
    return isJsonObject(value) ? value : noObject;
  } catch {
    return noObject;
  }
}

function decode(bytes: Exclude<Frame, string>): string {
  // A byte order mark is an error in a text frame (RFC 8259 section 8.1), so it is kept here to be one in a binary frame too.
  utf8 ??= new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  return utf8.decode(bytes);
}

/** The violation of a message whose `member` is absent or of the wrong type. */
export function malformed(member: string): ProtocolViolation {
  return new ProtocolViolation('BAD_REQUEST', `\`${member}\` is missing or malformed.`);
}

/** Writes a message in the order that people expect to read: id, type, payload. */
export function encodeMessage({ id, type, payload }: MessageLike): string {
  return JSON.stringify({ id, type, payload });
}

/**
 * Writes a request.
 *
 * @throws TypeError for what JSON cannot hold, files included, of which `JSON.stringify` makes `{}` without a word
 */
export function writeJson(value: unknown): string {
  return JSON.stringify(value, (_, member: unknown) => {
    if (!isFile(member)) return member;
    throw new TypeError('Files need a transport with the option `uploads`');
  });
}

/** Whether `value` is a `Blob` or a `File`, of whichever realm. */
export function isFile(value: unknown): boolean {
  return /^\[object (Blob|File)]$/.test(Object.prototype.toString.call(value));
}

/** True for objects alone: neither `null` nor an array counts. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
