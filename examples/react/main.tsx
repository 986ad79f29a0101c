import { createClient } from 'millrace/client';
import { resumable } from 'millrace/client/resume';
import { websocket } from 'millrace/client/websocket';
import { ClientProvider } from 'millrace/links/react';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';

import { LiveList } from './live-list.tsx';

const client = createClient({
  url: '/graphql',
  transport: websocket(),
  resume: resumable(),
});

const place = document.querySelector('#app');
if (place) {
  createRoot(place).render(
    <StrictMode>
      <ClientProvider client={client}>
        <LiveList />
      </ClientProvider>
    </StrictMode>,
  );
}
