import { setImmediate } from 'node:timers/promises';

import { pure } from 'millrace/server';
import { describe, expect, it } from 'vitest';

import type { Post } from '../support/sharing-server.ts';
import { heard, serveSharing } from '../support/sharing-server.ts';

const eventCount = 300;

const numberOf = (post: Post) => Number(post['text']);

/** Each event publishes the next one, up to `last`. */
function serveChain(last: number, answer: (text: string) => unknown) {
  return serveSharing({
    fields: (topic) => {
      const text = pure((post: Post) => {
        const next = numberOf(post) + 1;
        if (next <= last) void topic.publish({ text: String(next) }, { key: '' });
        return answer(String(post['text']));
      });
      return { Message: { text } };
    },
  });
}

describe.each([
  ['at once', (text: string) => text],
  ['later', async (text: string) => text],
])('a group whose executions are done %s', (_when, answer) => {
  it('lets the event loop have turns while it reads many events', async () => {
    const text = pure((post: Post) => answer(String(post['text'])));
    const server = serveSharing({ fields: () => ({ Message: { text } }) });
    const [client] = await server.subscribers(1);

    for (let i = 1; i <= eventCount; i += 1) void server.publish(String(i));
    await setImmediate();

    expect(server.executions()[0]).toBeLessThan(eventCount / 2);
    expect(client && (await heard(client))).toHaveLength(eventCount);
  });

  it('does so while each event leads to the next', async () => {
    const server = serveChain(eventCount, answer);
    const [client] = await server.subscribers(1);

    void server.publish('1');
    await setImmediate();

    expect(server.executions()[0]).toBeLessThan(eventCount / 2);
    expect(client && (await heard(client))).toHaveLength(eventCount);
  });

  it('counts each delivery once', async () => {
    const events = 60;
    const server = serveChain(events, answer);
    await server.subscribers(250); // so many deliveries fit into a turn, and twice as many do not

    void server.publish('1');
    await setImmediate();

    expect(server.executions()[0]).toBe(events);
  });
});
