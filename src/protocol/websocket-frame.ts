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
  if (payloadBytes < 126) return String.fromCharCode(finalText, payloadBytes);
  if (payloadBytes < 65_536) {
    return String.fromCharCode(finalText, 126, payloadBytes >>> 8, payloadBytes & 0xff);
  }
  return (
    String.fromCharCode(finalText, 127) +
    fourBytes(Math.floor(payloadBytes / 2 ** 32)) +
    fourBytes(payloadBytes % 2 ** 32)
  );
}

/** FIN, and the opcode of text. */
const finalText = 0x81;

/** In network byte order. */
function fourBytes(value: number): ByteString {
  const byteAt = (shift: number): number => (value >>> shift) & 0xff;
  return String.fromCharCode(byteAt(24), byteAt(16), byteAt(8), byteAt(0));
}
