import type { FormattedResult, OperationRequest } from 'millrace';
import type { HttpRequest } from 'millrace/server';

import type { Carrier, Heard, OperationKind } from './carriers/carrier.ts';
import { carriers } from './carriers/index.ts';
import type { Conversation } from './conversation.ts';

/** What became of a request: its first result, or the code that refused it. */
export type Verdict =
  | { readonly data: unknown; readonly errors?: readonly string[] }
  | { readonly code: unknown };

/** Sends a request to the server of a conversation, and leaves with the first answer. */
export type Ask = (conversation: Conversation, request: OperationRequest) => Promise<Verdict>;

function asking(kind: OperationKind, carrier: Carrier): Ask {
  return async (conversation, request) => {
    const exchange = await carrier.ask(conversation, { kind, request });
    let heard = await exchange.hear();
    // a digest takes its time on a thread of its own, however many turns that is on a busy machine
    const patience = performance.now() + 5_000;
    while (!hasSaidSomething(heard) && performance.now() < patience) {
      await conversation.clock.turn();
      heard = await exchange.hear();
    }
    exchange.leave();
    return toVerdict(heard);
  };
}

function hasSaidSomething({ results, end }: Heard): boolean {
  return results.length > 0 || end !== undefined;
}

function toVerdict({ results: [first], end }: Heard): Verdict {
  if (first) return toData(first);
  if (typeof end === 'object') return { code: end.errors[0]?.extensions?.['code'] };
  throw new Error(`no verdict but ${end ?? 'silence'}`);
}

function toData({ data, errors }: FormattedResult): Verdict {
  return { data, ...(errors && { errors: errors.map(({ message }) => message) }) };
}

/** Those of the carriers that carry all of `kinds` with any server, and of these only the ones with a client if hooks are needed. */
function askingOver(
  kinds: readonly [OperationKind, ...OperationKind[]],
  isSuitable: (carrier: Carrier) => boolean = () => true,
): Readonly<Record<string, Ask>> {
  const suitable = Object.entries<Carrier>(carriers).filter(
    ([, carrier]) =>
      !carrier.options && isSuitable(carrier) && kinds.every((kind) => !carrier.refuses[kind]),
  );
  return Object.fromEntries(
    suitable.map(([name, carrier]) => [`over ${name}`, asking(kinds[0], carrier)]),
  );
}

/** Everything that carries queries and mutations. */
export const transports: Readonly<Record<string, Ask>> = askingOver(['query', 'mutation']);

/** Everything that carries queries and mutations for a client, and calls the hooks of its session. */
export const clientTransports: Readonly<Record<string, Ask>> = askingOver(
  ['query', 'mutation'],
  ({ passesNoHooks }) => passesNoHooks === undefined,
);

/** Everything that carries subscriptions. */
export const subscribingTransports: Readonly<Record<string, Ask>> = askingOver(['subscription']);

/** The request as a program sends it that knows nothing of browsers. */
export function post(request: object, accept = 'application/graphql-response+json'): HttpRequest {
  return {
    method: 'POST',
    url: '/graphql',
    headers: { 'content-type': 'application/json', accept },
    body: () => Promise.resolve({ text: JSON.stringify(request) }),
  };
}
