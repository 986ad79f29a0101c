import { StrictMode, Suspense } from 'react';
import { createRoot } from 'react-dom/client';
import { RelayEnvironmentProvider } from 'react-relay';

import { ItemsView } from '../live-list/view/items-view.tsx';
import { environment } from './environment.ts';
import { LiveList } from './live-list.tsx';

const place = document.querySelector('#app');
if (!place) throw new Error('The page has no place for the list');

const waiting = (
  <ItemsView
    title="Live list, with Relay"
    items={undefined}
    problem={undefined}
    add={async () => false}
  />
);
createRoot(place).render(
  <StrictMode>
    <RelayEnvironmentProvider environment={environment}>
      <Suspense fallback={waiting}>
        <LiveList />
      </Suspense>
    </RelayEnvironmentProvider>
  </StrictMode>,
);
