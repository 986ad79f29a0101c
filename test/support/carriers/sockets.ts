import type { FormattedError, FormattedResult, WebSocketProtocol } from 'millrace';

import type { Observation } from '../../transcripts/replay-server.ts';
import type { MemoryClient } from '../memory-client.ts';
import type { Carrier, Complaint, End, Heard } from './carrier.ts';
import { isResult, toComplaint } from './carrier.ts';

interface Message {
  readonly type: string;
  readonly payload?: unknown;
}

/** Types of the messages that differ between the protocols. */
const words = {
  'graphql-transport-ws': { start: 'subscribe', stop: 'complete', result: 'next' },
  'subscriptions-transport-ws': { start: 'start', stop: 'stop', result: 'data' },
  appsync: { start: 'start', stop: 'stop', result: 'data' },
} as const satisfies Record<WebSocketProtocol, object>;

/** What HTTP says in a code, sockets say in a close code; the older protocol has 1011 for all, AppSync 4401 for what a hook refuses. */
const codes: Readonly<Record<number, string>> = {
  1011: 'FORBIDDEN',
  4400: 'BAD_REQUEST',
  4401: 'FORBIDDEN',
  4403: 'FORBIDDEN',
  4429: 'TOO_MANY_CONNECTIONS',
  4500: 'INTERNAL_SERVER_ERROR',
};

/** A socket of its own for each operation. */
export function socketCarrier(protocol: WebSocketProtocol): Carrier {
  const { start, stop } = words[protocol];
  return {
    refuses: protocol === 'appsync' ? subscriptionsAlone : {},
    async ask(conversation, { request }) {
      const client = conversation.connect({ protocol });
      client.send('{"type":"connection_init"}');
      await untilSettled(client);
      client.send(JSON.stringify({ id: '1', type: start, payload: toPayload(protocol, request) }));
      return {
        hear: async () => read(protocol, await client.rest()),
        leave() {
          client.send(JSON.stringify({ id: '1', type: stop }));
          client.close(1000);
        },
      };
    },
  };
}

const unsupported = {
  code: 'UNSUPPORTED_OPERATION',
  because: 'it carries subscriptions alone',
} as const;

const subscriptionsAlone = { query: unsupported, mutation: unsupported } as const;

function toPayload(protocol: WebSocketProtocol, request: object): object {
  if (protocol !== 'appsync') return request;
  return { data: JSON.stringify(request), extensions: { authorization: {} } };
}

/** The server has acknowledged or refused. */
async function untilSettled(client: MemoryClient): Promise<void> {
  for (let waits = 0; waits < 100 && (await client.rest()).length === 0; waits += 1);
}

function read(protocol: WebSocketProtocol, observations: readonly Observation[]): Heard {
  const results: FormattedResult[] = [];
  let end: End | undefined;
  for (const observation of observations) {
    const result = resultIn(protocol, observation);
    if (result && end !== undefined) throw new Error('a result after the end');
    if (result && isResult(result)) results.push(result);
    else end ??= endIn(observation, result);
  }
  return { results, ...(end !== undefined && { end }) };
}

function resultIn(
  protocol: WebSocketProtocol,
  observation: Observation,
): FormattedResult | undefined {
  if (observation.kind !== 'message') return undefined;
  const { type, payload } = observation.message as Message; // the server's own
  return type === words[protocol].result ? (payload as FormattedResult) : undefined;
}

/** The end that is observed, or begins: the older protocol sends several errors as a result without data. */
function endIn(observation: Observation, result: FormattedResult | undefined): End | undefined {
  if (result) return { errors: (result.errors ?? []).map(toComplaint) };
  switch (observation.kind) {
    case 'close':
      return { errors: [toRefusal(observation)] };
    case 'destroyed':
      return 'cut';
    case 'ping':
      return undefined;
    case 'message':
      return endSaid(observation.message as Message); // the server's own
  }
}

function endSaid({ type, payload }: Message): End | undefined {
  switch (type) {
    case 'error':
      return { errors: errorsIn(payload).map(toComplaint) };
    case 'complete':
      return 'completed';
    case 'connection_error':
      return { errors: errorsIn(payload).map(toRefusalInWords) };
    default:
      return undefined;
  }
}

function toRefusal({
  code,
  reason,
}: {
  readonly code: number;
  readonly reason: string;
}): Complaint {
  return { message: reason, extensions: { code: codes[code] } };
}

function toRefusalInWords({ message }: FormattedError): Complaint {
  const code = message === 'Internal server error' ? 'INTERNAL_SERVER_ERROR' : codes[1011];
  return { message, extensions: { code } };
}

/** Of the older protocol one, of the other two several, of AppSync in an object. */
function errorsIn(payload: unknown): readonly FormattedError[] {
  const { errors = payload } = payload as { readonly errors?: unknown }; // the server's own
  return [errors].flat() as FormattedError[]; // as above
}
