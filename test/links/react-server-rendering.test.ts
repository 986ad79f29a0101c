import { createClient } from 'millrace/client';
import { websocket } from 'millrace/client/websocket';
import { ClientProvider, useLive, useSubscription } from 'millrace/links/react';
import { mockServer } from 'millrace/testing';
import { createElement } from 'react';
import type { ReactElement } from 'react';
import { renderToString } from 'react-dom/server';
import { expect, it } from 'vitest';

const subscription = { query: 'subscription { tick }' };

function Subscribed(): ReactElement {
  const { status, accumulated } = useSubscription({
    ...subscription,
    initial: 'nothing yet',
    reduce: (text) => text,
  });
  return createElement('p', {}, `${status}, ${accumulated}`);
}

function Live(): ReactElement {
  const { status } = useLive({
    query: { query: '{ count }' },
    subscription,
    merge: (data) => data,
  });
  return createElement('p', {}, status);
}

it('a server renders that nothing runs, and starts nothing', () => {
  const server = mockServer({});
  const client = createClient({
    url: 'ws://mock.test/',
    transport: websocket({ WebSocket: server.WebSocket }),
  });

  const page = renderToString(
    createElement(ClientProvider, { client }, createElement(Subscribed), createElement(Live)),
  );

  expect(page).toBe('<p>idle, nothing yet</p><p>idle</p>');
  expect(server.connections).toEqual([]);
});
