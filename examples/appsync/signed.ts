import type { Authorization, AuthorizationRequest } from 'millrace/client/appsync';

/** What signs for IAM: `SignatureV4` of `@smithy/signature-v4`, made for the service `appsync`. */
export interface Signer {
  sign(request: {
    readonly method: string;
    readonly protocol: string;
    readonly hostname: string;
    readonly path: string;
    readonly headers: Record<string, string>;
    readonly body: string;
  }): Promise<{ readonly headers: Authorization }>;
}

/** An authorization for each connection and each subscription, signed over what is sent. */
export function signedBy(
  signer: Signer,
): (request: AuthorizationRequest) => Promise<Authorization> {
  return async ({ url, host, data }) => {
    const { protocol, hostname, pathname } = new URL(url);
    const { headers } = await signer.sign({
      method: 'POST',
      protocol,
      hostname,
      path: pathname,
      headers: {
        host,
        accept: 'application/json, text/javascript',
        'content-encoding': 'amz-1.0',
        'content-type': 'application/json; charset=UTF-8',
      },
      body: data,
    });
    return headers;
  };
}
