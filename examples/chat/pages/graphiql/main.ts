import { createGraphiQLFetcher } from '@graphiql/toolkit';
import { GraphiQL } from 'graphiql';
import { createClient } from 'graphql-ws';
import { createElement } from 'react';
import { createRoot } from 'react-dom/client';

const endpoint = new URL('/graphql', location.href);
const room = new URL(location.href).searchParams.get('room') ?? 'lobby';

const fetcher = createGraphiQLFetcher({
  url: endpoint.href,
  wsClient: createClient({ url: endpoint.href.replace(/^http/, 'ws') }),
});

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

const container = document.getElementById('graphiql');
if (container === null) throw new Error('The page has no element with the id graphiql');

createRoot(container).render(
  createElement(GraphiQL, {
    fetcher,
    defaultTabs: [{ query: live }, { query: post }, { query: history }],
  }),
);
