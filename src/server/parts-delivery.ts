import { planDeferred, withoutParts } from '../execution/index.ts';
import type { PreparedOperation } from '../execution/index.ts';
import { PatchTranslator } from '../protocol/index.ts';
import type { IncrementalFormat, IncrementalPayload } from '../protocol/index.ts';
import type { FormattedResult } from '../vocabulary.ts';
import type { OperationEvent, OperationProtocol, ServerOptions } from './options.ts';

/** How an answer that may come in parts is executed and written. */
export interface PartsDelivery {
  readonly prepared: PreparedOperation;
  /** What is sent for `payload`, if anything. */
  write(payload: IncrementalPayload): FormattedResult | undefined;
}

/** What carries parts, without a word of the client about their format. */
const carriers: ReadonlySet<OperationProtocol> = new Set(['graphql-transport-ws', 'sse-single']);

/**
 * How to deliver `prepared`: in parts, or whole to who cannot take parts.
 *
 * @param asked - what the carrier has settled with its client, if anything
 */
export function planDelivery(
  options: Pick<ServerOptions, 'incrementalFormat'>,
  prepared: PreparedOperation,
  {
    event,
    asked,
  }: { readonly event: OperationEvent<object>; readonly asked: PartsFormat | undefined },
): PartsDelivery {
  if (!prepared.isIncremental) return { prepared, write: asItIs };
  switch (chooseFormat(options, event, asked)) {
    case 'whole':
      return { prepared: withoutParts(prepared), write: asItIs };
    case 'incrementalSpec=v0.2':
      return { prepared, write: asItIs };
    case 'deferSpec=20220824': {
      const plan = planDeferred(prepared, event.operation.variables);
      const translator = new PatchTranslator(plan);
      return { prepared, write: (payload) => translator.translate(payload) };
    }
  }
}

/** `whole`: not in parts; `configured`: in parts, as the host program says. */
export type PartsFormat = IncrementalFormat | 'whole' | 'configured';

function chooseFormat(
  { incrementalFormat = 'incrementalSpec=v0.2' }: Pick<ServerOptions, 'incrementalFormat'>,
  event: OperationEvent<object>,
  asked: PartsFormat | undefined = carriers.has(event.protocol) ? 'configured' : 'whole',
): IncrementalFormat | 'whole' {
  if (asked !== 'configured') return asked;
  return typeof incrementalFormat === 'function' ? incrementalFormat(event) : incrementalFormat;
}

function asItIs(payload: IncrementalPayload): FormattedResult {
  return payload;
}
