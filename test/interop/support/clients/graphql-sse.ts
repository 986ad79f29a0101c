import { createClient } from 'graphql-sse';
import { onTestFinished } from 'vitest';

import { executeBySubscribing, recordSeen } from '../client-under-test.ts';
import type { ClientUnderTest, ConnectedClient } from '../client-under-test.ts';
import { failed } from '../recorded-operation.ts';

export const graphqlSseDistinct: ClientUnderTest = {
  packageName: 'graphql-sse',
  transport: 'SSE',
  resumes: true,
  connect: ({ httpUrl, reachable }) => drive(createClient({ url: httpUrl, retry: reachable })),
};

export const graphqlSseSingle: ClientUnderTest = {
  packageName: 'graphql-sse',
  part: '`singleConnection`',
  transport: 'SSE, one stream',
  resumes: true,
  peculiarities: {
    'Request error': {
      outcome: 'as a failure',
      note: 'It tries 5 times, then tells the status.',
      observed: [failed(['Server responded with 400: Bad Request'])],
    },
  },
  connect: ({ httpUrl, reachable }) =>
    drive(createClient({ url: httpUrl, retry: reachable, singleConnection: true })),
};

type EitherClient = Pick<ReturnType<typeof createClient<boolean>>, 'subscribe' | 'dispose'>;

function drive(client: EitherClient): ConnectedClient {
  onTestFinished(() => client.dispose());
  const subscribe: ConnectedClient['subscribe'] = (query, variables) => {
    const operation = recordSeen();
    const unsubscribe = client.subscribe({ query, variables: { ...variables } }, operation);
    return { reports: operation.reports, unsubscribe };
  };
  return { subscribe, execute: executeBySubscribing(subscribe) };
}
