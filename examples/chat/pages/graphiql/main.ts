import { createGraphiQLFetcher } from '@graphiql/toolkit';
import type { Fetcher } from '@graphiql/toolkit';
import { GraphiQL } from 'graphiql';
import { getOperationAST, parse } from 'graphql';
import { createClient } from 'graphql-ws';
import { createElement } from 'react';
import { createRoot } from 'react-dom/client';

const endpoint = new URL('/graphql', location.href);
const room = new URL(location.href).searchParams.get('room') ?? 'lobby';

const carry = createGraphiQLFetcher({
  url: endpoint.href,
  wsClient: createClient({ url: endpoint.href.replace(/^http/, 'ws') }),
});

/** Until GraphiQL knows the schema it does not say which operation it runs, and a subscription would go by plain HTTP. */
const fetcher: Fetcher = (parameters, options) => {
  const documentAST = options?.documentAST ?? parse(parameters.query);
  const operation = getOperationAST(documentAST, parameters.operationName);
  return carry(
    { ...parameters, operationName: operation?.name?.value ?? null },
    { ...options, documentAST },
  );
};

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
