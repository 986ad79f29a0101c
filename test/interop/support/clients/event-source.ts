import { EventSource } from 'eventsource';
import { onTestFinished } from 'vitest';

import { executeBySubscribing, recordSeen } from '../client-under-test.ts';
import type { ClientUnderTest, ConnectedClient, LibraryResult } from '../client-under-test.ts';
import { failed } from '../recorded-operation.ts';

/** As in a browser: GET, no code but three listeners. */
export const eventSource: ClientUnderTest = {
  packageName: 'eventsource',
  transport: 'SSE by GET',
  resumes: true,
  peculiarities: {
    Mutation: {
      outcome: 'no',
      note: 'It sends GET, which may not change anything: 405.',
      observed: [failed(['status 405'])],
    },
  },
  connect({ httpUrl }) {
    const subscribe: ConnectedClient['subscribe'] = (query, variables = {}) => {
      const url = new URL(httpUrl);
      url.searchParams.set('query', query);
      url.searchParams.set('variables', JSON.stringify(variables));
      const operation = recordSeen();
      const source = new EventSource(url);
      onTestFinished(() => source.close());
      source.addEventListener('next', ({ data }) =>
        operation.next(JSON.parse(data) as LibraryResult),
      );
      source.addEventListener('complete', () => {
        source.close();
        operation.complete();
      });
      source.addEventListener('error', ({ code }) => {
        // until then it tries again by itself
        if (source.readyState === source.CLOSED) operation.error(new Error(`status ${code}`));
      });
      return { reports: operation.reports, unsubscribe: () => source.close() };
    };
    return { subscribe, execute: executeBySubscribing(subscribe) };
  },
};
