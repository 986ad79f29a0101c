import type { ClientUnderTest } from '../client-under-test.ts';
import { executeBySubscribing, recordSeen } from '../client-under-test.ts';
import type { ConnectedClient } from '../client-under-test.ts';
import { createPatientClient } from '../graphql-ws-client.ts';

export const graphqlWs: ClientUnderTest = {
  packageName: 'graphql-ws',
  transport: '`graphql-transport-ws`',
  resumes: true,
  connect(server) {
    const client = createPatientClient(server);
    const subscribe: ConnectedClient['subscribe'] = (query, variables) => {
      const operation = recordSeen();
      const unsubscribe = client.subscribe({ query, variables: { ...variables } }, operation);
      return { reports: operation.reports, unsubscribe };
    };
    return { subscribe, execute: executeBySubscribing(subscribe) };
  },
};
