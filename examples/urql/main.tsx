import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { Provider } from 'urql';

import { LiveList } from './live-list.tsx';
import { urql } from './urql.ts';

const place = document.getElementById('app');
if (!place) throw new Error('The page has no place for the list');
createRoot(place).render(
  <StrictMode>
    <Provider value={urql}>
      <LiveList />
    </Provider>
  </StrictMode>,
);
