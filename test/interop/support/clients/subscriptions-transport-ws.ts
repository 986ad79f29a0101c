import { SubscriptionClient } from 'subscriptions-transport-ws';
import { onTestFinished } from 'vitest';
import { WebSocket } from 'ws';

import { executeBySubscribing, recordSeen, toMessages } from '../client-under-test.ts';
import type { ClientUnderTest, ConnectedClient } from '../client-under-test.ts';
import { Inbox } from '../../../support/waiting.ts';

export const subscriptionsTransportWs: ClientUnderTest = {
  packageName: 'subscriptions-transport-ws',
  transport: '`subscriptions-transport-ws`',
  resumes: true,
  peculiarities: {
    'No access': {
      outcome: 'to a callback',
      note: 'With `reconnect` it tells its `connectionCallback` and tries again; operations wait.',
      observed: 'no entry',
      observe: async ({ client }) => {
        client.subscribe('subscription { flaky }');
        return client.refusals?.next();
      },
    },
  },
  connect({ webSocketUrl }) {
    const refusals = new Inbox<string>('a refusal');
    const connectionCallback = (errors: unknown): void => {
      if (errors !== undefined) refusals.push(toMessages(errors).join());
    };
    const options = { reconnect: true, connectionCallback };
    const client = new SubscriptionClient(webSocketUrl, options, WebSocket);
    onTestFinished(() => client.close());
    const subscribe: ConnectedClient['subscribe'] = (query, variables) => {
      const operation = recordSeen();
      const request = { query, variables: { ...variables } };
      const { unsubscribe } = client.request(request).subscribe(operation);
      return { reports: operation.reports, unsubscribe };
    };
    return { subscribe, execute: executeBySubscribing(subscribe), refusals };
  },
};
