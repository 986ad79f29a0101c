import { headers } from '@nats-io/transport-node';
import type { MsgHdrs } from '@nats-io/transport-node';

/**
 * Stands in a message that is no event, but a place in its log.
 *
 * @remarks
 * Its value is the sequence of the message after which the log has had nothing but such messages; `0` where it had none when this one was published.
 */
const markerHeader = 'Millrace-Marker';

/** The headers of a marker. */
export function markerHeaders(quietSince: number): MsgHdrs {
  const header = headers();
  header.set(markerHeader, String(quietSince));
  return header;
}

/** Of a marker, the sequence after which there were no events up to it; `undefined` for anything else. */
export function quietSinceOf(
  header: MsgHdrs | undefined,
  { sequence, data }: { readonly sequence: number; readonly data: Uint8Array },
): number | undefined {
  if (data.length > 0) return undefined;
  const value = header?.get(markerHeader) ?? '';
  if (value === '') return undefined;
  const since = Number(value);
  // nothing is known of what was before the beginning, or what another program says
  return Number.isSafeInteger(since) && since > 0 && since < sequence ? since : sequence;
}
