import { ApolloProvider } from '@apollo/client/react';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';

import { apollo } from './apollo.ts';
import { LiveList } from './live-list.tsx';

const place = document.getElementById('app');
if (!place) throw new Error('The page has no place for the list');
createRoot(place).render(
  <StrictMode>
    <ApolloProvider client={apollo}>
      <LiveList />
    </ApolloProvider>
  </StrictMode>,
);
