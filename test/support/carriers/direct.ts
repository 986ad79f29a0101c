import type { FormattedResult, OperationRequest } from 'millrace';
import type { DirectSubscription, Server } from 'millrace/server';

import type { Carrier, Complaint, Heard } from './carrier.ts';
import { toComplaint, toHeard } from './carrier.ts';

/** The host program itself, without a transport: `execute` for queries and mutations, `subscribe` for subscriptions. */
export const directly: Carrier = {
  refuses: {},
  passesNoHooks: 'there is no connection, and the host program sends no results',
  async ask({ server }, { kind, request }) {
    const operation = request as OperationRequest; // what is none is not asked this way
    return kind === 'subscription' ? subscribe(server, operation) : execute(server, operation);
  },
};

async function execute(server: Server, request: OperationRequest) {
  const heard = toHeard(await server.execute(request));
  return { hear: async () => heard, leave: () => {} };
}

async function subscribe(server: Server, request: OperationRequest) {
  const subscription = await server.subscribe(request);
  const results: FormattedResult[] = [];
  let end: Heard['end'];
  const finish = (outcome: Heard['end']): void => {
    end = outcome;
  };
  if (subscription.kind === 'refused') finish({ errors: subscription.errors.map(toComplaint) });
  else void drain(subscription, results).then(finish); // never rejects
  return {
    hear: async () => ({ results: [...results], ...(end !== undefined && { end }) }),
    leave() {
      if (subscription.kind === 'started') void subscription.source.close(); // never rejects
    },
  };
}

type Started = Extract<DirectSubscription, { kind: 'started' }>;

/** Never rejects: a source that fails is told to the host program as it is, which would have to hide it from clients. */
async function drain(subscription: Started, results: FormattedResult[]): Promise<Heard['end']> {
  const { source } = subscription;
  try {
    for (;;) {
      const item = await source.read();
      if (item === undefined) return 'completed';
      if (item.kind === 'event-error') throw item.error;
      results.push(await subscription.execute(item.event));
    }
  } catch (error) {
    const complaint: Complaint = { message: error instanceof Error ? error.message : '' };
    return { errors: [complaint] };
  }
}
