import type { ByteString } from './byte-string.ts';
import { compressedTextFrameHead } from './websocket-frame.ts';

/** What a server agreed to of what a client had offered. */
export interface DeflateAgreement {
  /** What is answered in `Sec-WebSocket-Extensions`. */
  readonly extension: string;
  /** No distance of what the server deflates is above two to the power of this. */
  readonly windowBits: number;
}

/**
 * Chooses among the offers of a client (RFC 7692 section 5.1) the first that a server without a context can keep.
 *
 * @param offers - the value of `Sec-WebSocket-Extensions`, all its lines joined by commas
 */
export function agreeOnDeflate(offers = ''): DeflateAgreement | undefined {
  for (const offer of offers.split(',')) {
    const parameters = parametersOf(offer);
    if (parameters) return agreementFor(parameters.get('server_max_window_bits'));
  }
  return undefined;
}

/** Bytes that a head may have in {@link deflatedHead}: one stored block holds no more (RFC 1951 section 3.2.4). */
export const mostStoredBytes = 65_535;

/** Bytes of a compressed message beside its head and what is deflated. */
export const storedBlockBytes = 5;

/**
 * What stands before an id in a frame whose message is compressed: the head of the frame, and a stored block that `beforeId` and the id fill.
 *
 * @remarks
 * What follows the block was deflated without a look at it, and begins at a byte: so all share it, whatever their ids.
 */
export function deflatedHead(beforeId: ByteString, idBytes: number, tailBytes: number): ByteString {
  const storedBytes = beforeId.length + idBytes;
  const low = storedBytes & 0xff;
  const high = storedBytes >>> 8;
  return (
    compressedTextFrameHead(storedBlockBytes + storedBytes + tailBytes) +
    String.fromCharCode(0, low, high, low ^ 0xff, high ^ 0xff) +
    beforeId
  );
}

/** What is left of deflated bytes once the empty block of their flush is taken off (RFC 7692 section 7.2.1). */
export function withoutFlush(deflated: Uint8Array): Uint8Array {
  return deflated.subarray(0, -flushBytes);
}

/** 00 00 ff ff. */
const flushBytes = 4;

/** The smallest that zlib has for what it deflates without a header. */
const leastWindowBits = 9;
const mostWindowBits = 15;

function agreementFor(offeredBits: number | undefined): DeflateAgreement {
  // a context would cost each connection a deflater and an inflater of its own
  const terms = ['permessage-deflate', 'server_no_context_takeover', 'client_no_context_takeover'];
  if (offeredBits !== undefined) terms.push(`server_max_window_bits=${offeredBits}`);
  return { extension: terms.join('; '), windowBits: offeredBits ?? mostWindowBits };
}

/** The parameters of an offer with their values, or nothing if it is not of this extension or has to be declined (RFC 7692 section 7.1). */
function parametersOf(offer: string): ReadonlyMap<string, number | undefined> | undefined {
  const [name, ...terms] = offer.split(';').map((term) => term.trim());
  if (name !== 'permessage-deflate') return undefined;
  const parameters = new Map<string, number | undefined>();
  for (const term of terms) {
    const [, parameter = '', quoted, plain = quoted] = parameterPattern.exec(term) ?? [];
    const bits = plain === undefined ? undefined : Number(plain);
    if (!isAcceptable(parameter, bits) || parameters.has(parameter)) return undefined;
    parameters.set(parameter, bits);
  }
  return parameters;
}

/** A name, and perhaps decimal digits without a zero in front, which may be quoted. */
const parameterPattern = /^(\w+)(?:\s*=\s*(?:"([1-9]\d?)"|([1-9]\d?)))?$/;

function isAcceptable(parameter: string, bits: number | undefined): boolean {
  switch (parameter) {
    case 'server_no_context_takeover':
    case 'client_no_context_takeover':
      return bits === undefined;
    case 'server_max_window_bits':
      return bits !== undefined && bits >= leastWindowBits && bits <= mostWindowBits;
    case 'client_max_window_bits':
      return bits === undefined || (bits >= 8 && bits <= mostWindowBits);
    default:
      return false;
  }
}
