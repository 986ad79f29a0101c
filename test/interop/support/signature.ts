import { createHash, createHmac } from 'node:crypto';

/** What a client showed. */
export type Authorization = Readonly<Record<string, string>>;

/** Credentials that are nobody's. */
export const keys = {
  accessKeyId: 'AKIDEXAMPLE',
  secretAccessKey: 'secret',
  sessionToken: 'session',
};

const hash = (text: string): string => createHash('sha256').update(text).digest('hex');
const mac = (key: string | Buffer, text: string): Buffer =>
  createHmac('sha256', key).update(text).digest();

/** What a server that knows the secret does with an authorization of IAM: Signature Version 4 over path and body. */
export function isSigned(authorization: Authorization, path: string, body: string): boolean {
  const match = /Credential=[^/]+\/(.+?), SignedHeaders=(.+?), Signature=(.+)$/.exec(
    authorization['authorization'] ?? '',
  );
  const [, scope = '', signed = '', signature] = match ?? [];
  const lines = signed.split(';').map((name) => `${name}:${authorization[name] ?? ''}\n`);
  const request = ['POST', path, '', lines.join(''), signed, hash(body)].join('\n');
  const text = ['AWS4-HMAC-SHA256', authorization['x-amz-date'], scope, hash(request)].join('\n');
  const key = scope
    .split('/')
    .reduce<string | Buffer>((sum, part) => mac(sum, part), `AWS4${keys.secretAccessKey}`);
  return mac(key, text).toString('hex') === signature;
}
