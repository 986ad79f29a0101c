import type { AcceptedSocket, RequestHead, Server } from '../server/index.ts';

/** What a runtime does with the WebSocket of a request once its upgrade is complete: serve it, or tell the client why not. */
export type WebSocketUse =
  | {
      readonly kind: 'serve';
      /** What the answer to the upgrade has to name. */
      readonly subprotocol: string;
      readonly accepted: Omit<AcceptedSocket, 'onGone'>;
    }
  | {
      readonly kind: 'close';
      /** What the client is sent before. */
      readonly frame: string | undefined;
      readonly code: number;
      readonly reason: string;
    };

/** Whether a client wants a WebSocket in place of an answer. */
export function isUpgrade({ headers }: Request): boolean {
  return headers.get('upgrade')?.toLowerCase() === 'websocket';
}

/** Asks `server` before a byte is answered; a response where there is nothing to upgrade. */
export function decideUse(server: Server, request: RequestHead): WebSocketUse | Response {
  if ((request.headers['sec-websocket-version'] ?? '13') !== '13') return demandVersion();
  const decision = server.decideUpgrade(request);
  switch (decision.kind) {
    case 'refuse': {
      const { status, message, headers = {} } = decision;
      return new Response(`${message}\n`, { status, headers: { ...plainText, ...headers } });
    }
    case 'accept-and-close': {
      const { frame, code, reason } = decision;
      return { kind: 'close', frame, code, reason };
    }
    case 'accept': {
      const { protocol, subprotocol } = decision;
      return { kind: 'serve', subprotocol, accepted: { protocol, request } };
    }
  }
}

const plainText = { 'content-type': 'text/plain; charset=utf-8' };

/** RFC 6455 section 4.4, RFC 9110 section 15.5.22. */
function demandVersion(): Response {
  const headers = { ...plainText, upgrade: 'websocket', 'sec-websocket-version': '13' };
  return new Response('Upgrade Required\n', { status: 426, headers });
}
