import { ProtocolViolation } from '../../errors.ts';

/** A parameter of a media type, its value quoted or not (RFC 9110 section 5.6.6). */
const parameter = /;[ \t]*([^\s;="]+)[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^\s;,"]+))/g;

/**
 * The boundary in the `Content-Type` of a multipart response, wherever among the parameters it stands.
 *
 * @throws ProtocolViolation `BAD_RESPONSE` without a boundary of 1 to 70 characters (RFC 2046 section 5.1.1)
 */
export function parseBoundary(contentType: string): string {
  for (const [, name, quoted, token] of contentType.matchAll(parameter)) {
    if (name?.toLowerCase() !== 'boundary') continue;
    const boundary = quoted?.replaceAll(/\\(.)/g, '$1') ?? token;
    if (boundary && boundary.length <= 70) return boundary;
  }
  throw new ProtocolViolation(
    'BAD_RESPONSE',
    'a multipart response needs a boundary of 1 to 70 characters',
  );
}
