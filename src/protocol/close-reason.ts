/** What a close frame leaves for the reason: 125 bytes of a control frame less the two of the code (RFC 6455 section 5.5). */
const reasonLimitBytes = 123;

const encoder = /* @__PURE__ */ new TextEncoder();
const decoder = /* @__PURE__ */ new TextDecoder('utf-8', { ignoreBOM: true });

/** The longest beginning of `reason` that fits into a close frame, cut between two characters; unpaired surrogates become U+FFFD. */
export function toCloseReason(reason: string): string {
  const bytes = new Uint8Array(reasonLimitBytes);
  // `encodeInto` never writes a part of a character.
  const { written } = encoder.encodeInto(reason, bytes);
  return decoder.decode(bytes.subarray(0, written));
}
