import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import type { MessageSocket, SocketEvents } from 'millrace/server';
import { expect, it } from 'vitest';

import { serveSharing, textQuery } from '../support/sharing-server.ts';
import type { SharingServer } from '../support/sharing-server.ts';

/** What a subscriber may cost besides its socket: its operation, its id of 36 characters, its membership. */
const bytesPerSubscriber = 400;

const connections = 250;
const subscriptionsPerConnection = 100;
/** The heap has other reasons to grow and shrink by some bytes: the one in the middle counts. */
const rounds = 3;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void; // what the flag exposes

function heapBytes(): number {
  for (let i = 0; i < 4; i += 1) collectGarbage();
  return process.memoryUsage().heapUsed;
}

/** A socket that keeps nothing. */
const sink: MessageSocket = {
  send() {},
  ping() {},
  close() {},
  destroy() {},
  bufferedBytes: 0,
};

async function connect(
  { server, clock }: SharingServer,
  count: number = connections,
): Promise<readonly SocketEvents[]> {
  const sockets = Array.from({ length: count }, () =>
    server.open(sink, {
      protocol: 'graphql-transport-ws',
      request: { method: 'GET', url: '/graphql', headers: {} },
    }),
  );
  for (const socket of sockets) socket.message('{"type":"connection_init"}');
  await clock.settle();
  return sockets;
}

async function subscribeOver(
  sockets: readonly SocketEvents[],
  count: number,
  { clock }: SharingServer,
): Promise<void> {
  for (const socket of sockets) {
    for (let i = 0; i < count; i += 1) {
      const payload = { query: textQuery };
      socket.message(JSON.stringify({ id: crypto.randomUUID(), type: 'subscribe', payload }));
    }
    await clock.settle();
  }
}

it(`a subscriber of a shared event costs at most ${bytesPerSubscriber} bytes of heap besides its socket`, async () => {
  // a context belongs to the program: this one gives all operations of a session the same
  const app = serveSharing({ options: { context: ({ session }) => session } });
  const { server, clock, publish, executions } = app;
  // what the runtime learns and compiles is there then
  const earlier = await connect(app);
  await subscribeOver(earlier, subscriptionsPerConnection, app);
  await publish('warm-up');
  await clock.settle();
  for (const socket of earlier) socket.closed(1000, '');
  const costs: number[] = [];

  for (let round = 0; round < rounds; round += 1) {
    const sockets = await connect(app);
    await subscribeOver(sockets, 1, app);
    const before = heapBytes();
    await subscribeOver(sockets, subscriptionsPerConnection - 1, app);
    costs.push((heapBytes() - before) / (connections * (subscriptionsPerConnection - 1)));
  }

  const subscribers = rounds * connections * subscriptionsPerConnection;
  const [, median] = costs.toSorted((one, other) => one - other);
  expect(server.sharing()).toMatchObject({ groups: 1, subscribers });
  expect(median).toBeLessThanOrEqual(bytesPerSubscriber);
  await publish('one');
  await clock.settle();
  expect(executions()).toEqual([2, 0]);
}, 30_000);

it('a group keeps nothing of those who left it, whoever made it', async () => {
  const contexts: WeakRef<object>[] = [];
  const app = serveSharing({
    fields: (topic) => ({
      Subscription: {
        message: {
          subscribe: (_root: unknown, _args: unknown, context: { readonly user: string }) =>
            topic.source().filter(() => context.user !== ''),
        },
      },
    }),
    options: {
      context: () => {
        const context = { user: `user ${contexts.length}` };
        contexts.push(new WeakRef(context));
        return context;
      },
    },
  });
  const { server, clock, publish } = app;
  const first = await connect(app, 1);
  await subscribeOver(first, 1, app);
  await subscribeOver(await connect(app, 1), 1, app);
  await publish('one');
  await clock.settle();

  for (const socket of first) socket.closed(1000, '');
  await clock.settle();
  await publish('two');
  await clock.settle();
  collectGarbage();
  await clock.settle();
  collectGarbage();

  expect(server.sharing()).toMatchObject({ groups: 1, subscribers: 1 });
  expect(contexts.map((context) => context.deref()?.constructor)).toEqual([undefined, Object]);
});
