import { http } from 'millrace/client/http';
import { sse } from 'millrace/client/sse';
import { websocket } from 'millrace/client/websocket';

import type { ServerUnderTest } from './server-under-test.ts';

type ClientOptionsOf = ServerUnderTest['clientOptions'];

/** Every operation has an event stream of its own. */
export const overEventStreams: ClientOptionsOf = (token) => ({
  transport: sse(authorizedBy(token)),
});

export const overHttpAndEventStreams: ClientOptionsOf = (token) => ({
  transport: { queries: http(authorizedBy(token)), subscriptions: sse(authorizedBy(token)) },
});

export const overHttpAndWebSocket: ClientOptionsOf = (token) => ({
  transport: { queries: http(authorizedBy(token)), subscriptions: websocket() },
  ...(token !== undefined && { connectionParams: { token } }),
});

function authorizedBy(token: string | undefined): {
  readonly headers?: Readonly<Record<string, string>>;
} {
  return token === undefined ? {} : { headers: { authorization: token } };
}
