/** The SHA-256 of `text` in UTF-8, as 64 lower-case hexadecimal digits; by the Web Crypto that every runtime has. */
export async function toSha256Hex(text: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
