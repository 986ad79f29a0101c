import type { ByteString } from './byte-string.ts';
import { toByteString } from './byte-string.ts';

/** A ping without payload (RFC 6455 section 5.5.2). */
export const pingFrame: ByteString = '\u0089\0';

/** One text message of a server as one frame without a mask (RFC 6455 section 5.2). */
export function textFrame(text: string): ByteString {
  const payload = toByteString(text);
  return textFrameHead(payload.length) + payload;
}

/** What stands before the payload of such a frame. */
export function textFrameHead(payloadBytes: number): ByteString {
  return frameHead(finalText, payloadBytes);
}

/** The same where the payload is compressed (RFC 7692 section 6). */
export function compressedTextFrameHead(payloadBytes: number): ByteString {
  return frameHead(finalText | rsv1, payloadBytes);
}

/** What stands before an id in a frame whose message is not compressed. */
export function plainHead(beforeId: ByteString, idBytes: number, tailBytes: number): ByteString {
  return textFrameHead(beforeId.length + idBytes + tailBytes) + beforeId;
}

/** FIN, and the opcode of text. */
const finalText = 0x81;

const rsv1 = 0x40;

function frameHead(first: number, payloadBytes: number): ByteString {
  if (payloadBytes < 126) return String.fromCharCode(first, payloadBytes);
  if (payloadBytes < 65_536) {
    return String.fromCharCode(first, 126, payloadBytes >>> 8, payloadBytes & 0xff);
  }
  return (
    String.fromCharCode(first, 127) +
    fourBytes(Math.floor(payloadBytes / 2 ** 32)) +
    fourBytes(payloadBytes % 2 ** 32)
  );
}

/** In network byte order. */
function fourBytes(value: number): ByteString {
  const byteAt = (shift: number): number => (value >>> shift) & 0xff;
  return String.fromCharCode(byteAt(24), byteAt(16), byteAt(8), byteAt(0));
}
