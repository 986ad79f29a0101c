import type { Fetcher } from '@graphiql/toolkit';
import { GraphiQL } from 'graphiql';
import { getOperationAST, parse } from 'graphql';
import { createClient } from 'millrace/client';
import type { OperationHandle, OperationKind, OperationResult } from 'millrace/client';
import { http } from 'millrace/client/http';
import { websocket } from 'millrace/client/websocket';
import { createElement } from 'react';
import { createRoot } from 'react-dom/client';

const room = new URL(location.href).searchParams.get('room') ?? 'lobby';

/** What stands in the editor of headers; they can go with requests alone, for a browser sends none with a socket. */
let headers: Record<string, string> = {};

const client = createClient({
  url: '/graphql',
  transport: { queries: http({ headers: () => headers }), subscriptions: websocket() },
});

/** Gives GraphiQL what it asked for: one result as a promise, a stream as the handle of the subscription, which it can stop. */
const fetcher: Fetcher = ({ query, operationName, variables }, options) => {
  headers = options?.headers ?? {};
  // GraphiQL may not have read what it just got from another tab: its own idea of the operation is then an old one
  const document = parse(query);
  const operation = getOperationAST(document, operationName) ?? getOperationAST(document);
  const name = operation?.name?.value;
  const request = { query, variables, ...(name !== undefined && { operationName: name }) };
  // its type has errors as graphql-js makes them; what comes from a server is their JSON, as from every fetcher
  return execute(operation?.operation, request) as ReturnType<Fetcher>;
};

function execute(
  kind: OperationKind | undefined,
  request: { readonly query: string; readonly variables?: Readonly<Record<string, unknown>> },
): Promise<OperationResult> | OperationHandle<OperationResult> {
  switch (kind) {
    case 'subscription':
      return client.subscribe(request);
    case 'mutation':
      return client.mutate(request);
    case 'query':
    case undefined: // of several operations none is chosen: the server says so
      return client.query(request);
  }
}

// a GraphQL string may be written like a JSON string
const quotedRoom = JSON.stringify(room);

const live = `# Run this: each message that anyone
# posts in the room appears beside it.
subscription Live {
  messageAdded(room: ${quotedRoom}) {
    author
    text
    sentAt
  }
}
`;

const post = `mutation Post {
  postMessage(room: ${quotedRoom}, author: "GraphiQL", text: "Hello!") {
    id
    sentAt
  }
}
`;

const history = `query History {
  messages(room: ${quotedRoom}, last: 10) {
    author
    text
    sentAt
  }
}
`;

/** What GraphiQL remembers belongs to one room: its tabs name that room. */
const storage = {
  getItem: (key: string) => localStorage.getItem(`${room}/${key}`),
  setItem: (key: string, value: string) => localStorage.setItem(`${room}/${key}`, value),
  removeItem: (key: string) => localStorage.removeItem(`${room}/${key}`),
  clear: () => keysOfRoom().forEach((key) => localStorage.removeItem(key)),
  get length() {
    return keysOfRoom().length;
  },
};

function keysOfRoom(): readonly string[] {
  return Object.keys(localStorage).filter((key) => key.startsWith(`${room}/`));
}

const container = document.getElementById('graphiql');
if (container === null) throw new Error('The page has no element with the id graphiql');

createRoot(container).render(
  createElement(GraphiQL, {
    fetcher,
    storage,
    defaultTabs: [{ query: live }, { query: post }, { query: history }],
  }),
);
