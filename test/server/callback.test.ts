import type { ServerOptions } from 'millrace/server';
import { describe, expect, it } from 'vitest';

import type { CallbackRequest } from '../support/callback-router.ts';
import { CallbackRouter } from '../support/callback-router.ts';
import type { Conversation } from '../support/conversation.ts';
import { converse } from '../support/conversation.ts';
import { MemoryStream } from '../support/memory-stream.ts';

interface Stage extends Conversation {
  readonly router: CallbackRouter;
  readonly ask: (query: string, asked?: Asking) => Promise<MemoryStream>;
}

interface Asking {
  readonly callback?: Partial<CallbackRequest> | object | null;
  readonly accept?: string;
  readonly extensions?: object;
}

function stage(options: Partial<ServerOptions> = {}): Stage {
  const router = new CallbackRouter();
  const conversation = converse({
    protocols: ['callback', 'sse'],
    callback: { allow: ['router.internal'], fetch: router.fetch },
    ...options,
  });
  return {
    ...conversation,
    router,
    async ask(query, { callback = router.register(), accept = callbackType, extensions } = {}) {
      const stream = new MemoryStream(conversation.server, {
        headers: { accept },
        body: { query, extensions: { ...extensions, ...(callback && { subscription: callback }) } },
      });
      await conversation.clock.settle();
      return stream;
    },
  };
}

const callbackType = 'application/json;callbackSpec=1.0';
const inRoom = 'subscription { message(room: "r") { text } }';
const text = (message: string) => ({ message: { text: message } });

describe('a subscription with a callback', () => {
  it('CB-1, CB-2, CB-3 checks the callback before it answers', async () => {
    const { router, ask, app } = stage();
    const callback = router.register();

    const answer = await ask(inRoom, { callback });

    expect(await answer.answered).toMatchObject({ status: 200, body: '{"data":null}' });
    expect(router.posts).toEqual([
      {
        url: callback.callbackUrl,
        headers: { 'content-type': 'application/json', 'subscription-protocol': 'callback/1.0' },
        message: {
          kind: 'subscription',
          action: 'check',
          id: callback.subscriptionId,
          verifier: callback.verifier,
        },
      },
    ]);
    expect(app.openSources()).toBe(1);
  });

  it('CB-5 sends events in order', async () => {
    const { router, ask, app, clock } = stage();
    await ask(inRoom);
    for (const each of ['1', '2', '3']) await app.publish('r', each);
    await clock.settle();
    expect(router.told()).toEqual(['check', text('1'), text('2'), text('3')]);
  });
});
