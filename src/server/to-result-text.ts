import type { FormattedResult } from '../vocabulary.ts';
import type { ServerCore } from './core.ts';
import { ResultText } from './result-text.ts';

/** Writes a result as JSON. A scalar may have serialised to what JSON cannot hold; that fails this one result, but all of an answer of which it is a part. */
export function toResultText(
  core: Pick<ServerCore, 'masking'>,
  result: FormattedResult,
): ResultText {
  try {
    return new ResultText(JSON.stringify(result), result);
  } catch (error) {
    if (result.hasNext !== undefined) throw error;
    const failure = { data: null, errors: [core.masking.error(error, 'serialisation')] };
    return new ResultText(JSON.stringify(failure), failure);
  }
}
