import { websocket } from 'millrace/client/websocket';

import { assertEqual, failureOf, messagesOf, newRoom, textOf, until } from './client-case.ts';
import type { ClientCase, ClientContext } from './client-case.ts';

const capacity = 2;

/** What becomes of results between the server and whoever wants them. */
export const resultCases: readonly ClientCase[] = [
  {
    row: 'Slow consumers',
    name: 'a full buffer ends the operation behind the results that wait',
    async run(context) {
      const results = await fill(context, 'error');
      assertEqual(textOf((await results.next()).value as object), '1'); // there is one
      assertEqual(textOf((await results.next()).value as object), '2'); // likewise
      assertEqual((await failureOf(results.next()))['code'], 'BUFFER_OVERFLOW');
      await context.sources(0);
    },
  },
  {
    row: 'Slow consumers',
    name: 'a full buffer drops the oldest result',
    async run(context) {
      const results = await fill(context, 'drop-oldest');
      assertEqual(textOf((await results.next()).value as object), '4'); // there is one
      assertEqual(textOf((await results.next()).value as object), '5'); // likewise
      await results.return?.();
    },
  },
  {
    row: 'Slow consumers',
    name: 'the latest result alone waits',
    async run(context) {
      const results = await fill(context, 'latest');
      assertEqual(textOf((await results.next()).value as object), '5'); // there is one
      await results.return?.();
    },
  },
  {
    row: 'States and readiness',
    name: 'ready starts the operation, and status says where it is',
    async run(context) {
      const client = context.create({ transport: websocket(context.sockets) });
      const messages = client.subscribe(messagesOf(newRoom()));
      const states: string[] = [];
      const watched = (async () => {
        for await (const state of messages.status) states.push(state);
      })();
      assertEqual(await messages.ready, { confirmed: false });
      messages.return();
      await watched;
      assertEqual([states.at(0), states.at(-1)], ['idle', 'ended']);
      assertEqual(states.includes('live'), true);
    },
  },
  {
    row: '`Symbol.asyncDispose`',
    name: 'leaving the scope of `await using` closes the client',
    async run(context) {
      // not all runtimes have it
      const { asyncDispose } = Symbol as { readonly asyncDispose?: typeof Symbol.asyncDispose };
      if (asyncDispose === undefined) return 'no';
      const client = context.create({ transport: websocket(context.sockets) });
      const next = client.subscribe(messagesOf(newRoom()))[Symbol.asyncIterator]().next();
      await context.sources(1);
      await client[asyncDispose]();
      assertEqual(await next, { done: true });
      await context.connections(0);
      return 'yes';
    },
  },
];

/** Has five results come that are not read; `capacity` of them may wait. */
async function fill(
  context: ClientContext,
  whenFull: 'error' | 'drop-oldest' | 'latest',
): Promise<AsyncIterator<object>> {
  const room = newRoom();
  let seen = 0;
  const client = context.create({
    transport: websocket(context.sockets),
    onResult: () => {
      seen += 1;
    },
  });
  const messages = client.subscribe({ ...messagesOf(room), buffer: { capacity, whenFull } });
  void messages.ready;
  await context.sources(1);
  for (const text of ['1', '2', '3', '4', '5']) await context.tell('publish', room, text);
  await until(() => seen === 5 || messages.status.current === 'ended', 'all results');
  return messages[Symbol.asyncIterator]();
}
