import { renderToString } from 'react-dom/server';
import type { OperationResult, OperationState } from 'millrace/client';
import type { TransportError } from 'millrace/client';
import { createClient } from 'millrace/client';
import { websocket } from 'millrace/client/websocket';
import { ClientProvider, useLive, useSubscription } from 'millrace/links/react';
import type { LiveState, SubscriptionState } from 'millrace/links/react';
import { createElement } from 'react';
import { describe, expectTypeOf, it } from 'vitest';

/** What code generators make: `TypedDocumentNode` has these members, and more. */
type Typed<Data, Variables> = {
  readonly kind: 'Document';
  readonly definitions: readonly unknown[];
} & { __apiType?: (variables: Variables) => Data };

interface Message {
  readonly messageAdded: { readonly text: string };
}

interface History {
  readonly messages: readonly { readonly text: string }[];
}

type Room = Readonly<Record<'room', string>>;

const document = { kind: 'Document', definitions: [] } as const;
const added: Typed<Message, Room> = document;
const history: Typed<History, Room & { readonly last?: number }> = document;
const everywhere: Typed<Message, Record<string, never>> = document;
const variables = { room: 'r' };
const text = 'subscription { messageAdded { text } }';

/** Compiled and never called: each `@ts-expect-error` is the assertion. */
export function wrongCallsDoNotCompile(): void {
  // @ts-expect-error -- a variable is required
  useSubscription({ query: added });
  // @ts-expect-error -- a variable has another type
  useSubscription({ query: added, variables: { room: 1 } });
  // @ts-expect-error -- there are no variables
  useSubscription({ query: everywhere, variables });
  // @ts-expect-error -- the component is what cancels it
  useSubscription({ query: text, signal: new AbortController().signal });
  // @ts-expect-error -- a reducer needs what to begin with
  useSubscription({ query: text, reduce: (count: number) => count + 1 });
  // @ts-expect-error -- what to begin with is of another type
  useSubscription({ query: text, reduce: (count: number) => count + 1, initial: '0' });
  // @ts-expect-error -- a misspelt option
  useSubscription({ query: text, paused: true });
  // @ts-expect-error -- no such member
  useSubscription({ query: added, variables, onResult: ({ data }) => data?.other });
  const events = { query: added, variables };
  // @ts-expect-error -- a variable is missing
  useLive({ query: { query: history }, subscription: events, merge: (data) => data });
  // @ts-expect-error -- what is merged is of another type
  useLive({ query: { query: history, variables }, subscription: events, merge: () => [] });
  // @ts-expect-error -- it has to be merged
  useLive({ query: { query: history, variables }, subscription: events });
}

/** What components get, where the documents say it. */
function Component(): null {
  const plain = useSubscription({ query: text, pause: true });
  expectTypeOf(plain).toEqualTypeOf<SubscriptionState<Readonly<Record<string, unknown>>>>();
  expectTypeOf(plain.status).toEqualTypeOf<OperationState>();
  expectTypeOf(plain.error).toEqualTypeOf<TransportError | undefined>();
  expectTypeOf(plain.accumulated).toEqualTypeOf<undefined>();

  const typed = useSubscription({
    query: added,
    variables,
    pause: true,
    onResult: (result) => expectTypeOf(result).toEqualTypeOf<OperationResult<Message>>(),
  });
  expectTypeOf(typed.data).toEqualTypeOf<Message | null | undefined>();

  const reduced = useSubscription({
    query: added,
    variables,
    pause: true,
    initial: 0,
    reduce: (count, { data }) => count + (data?.messageAdded.text.length ?? 0),
  });
  expectTypeOf(reduced.accumulated).toEqualTypeOf<number>();

  const live = useLive({
    query: { query: history, variables },
    subscription: { query: added, variables },
    pause: true,
    merge: (data, { messageAdded }) => {
      expectTypeOf(data).toEqualTypeOf<History>();
      return { messages: [...data.messages, messageAdded] };
    },
  });
  expectTypeOf(live).toEqualTypeOf<LiveState<History>>();
  return null;
}

describe('the hooks', () => {
  it('infer what documents say', () => {
    const client = createClient({ url: '/graphql', transport: websocket(), print: () => text });
    renderToString(createElement(ClientProvider, { client }, createElement(Component)));
  });
});
