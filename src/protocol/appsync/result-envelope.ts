import { isJsonObject } from '../json-frame.ts';
import { envelopesFor } from '../result-envelope.ts';
import type { ResultEnvelope } from '../result-envelope.ts';

/** The envelope of results; ids are strings. */
export const resultEnvelope: ResultEnvelope = {
  ...envelopesFor('data').string,
  rewrite: (resultText) => (resultText.startsWith('{"data":{') ? resultText : withData(resultText)),
};

/** Clients drop a message without data, and the errors in it with it. */
function withData(resultText: string): string {
  const result: unknown = JSON.parse(resultText);
  if (!isJsonObject(result) || result['errors'] === undefined) return resultText;
  return JSON.stringify({ ...result, data: result['data'] ?? {} });
}
