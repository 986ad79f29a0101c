import { parseJsonObject } from '../../protocol/json-frame.ts';
import type { JsonObject } from '../../protocol/json-frame.ts';

/** `undefined` if `text` is no JSON object. */
export function readObject(text: string): JsonObject | undefined {
  try {
    return parseJsonObject(text);
  } catch {
    return undefined;
  }
}
