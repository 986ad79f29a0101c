import type { FormattedResult } from 'millrace';

import { CallbackRouter } from '../callback-router.ts';
import { callbackType } from '../callback-stage.ts';
import { MemoryStream } from '../memory-stream.ts';
import type { Asked, Carrier, Heard } from './carrier.ts';
import { toComplaint, toHeard } from './carrier.ts';

const router = new CallbackRouter();
const heartbeatMs = 1_000;

/** One request, whose results are sent to a router. */
export const callback: Carrier = {
  refuses: {},
  options: {
    protocols: ['callback'],
    callback: { allow: ['router.internal'], fetch: router.fetch },
  },
  // its server has no connection that ends
  noticesAfterMs: heartbeatMs,
  async ask({ server }, { request }) {
    const subscription = router.register(heartbeatMs);
    const { subscriptionId } = subscription;
    const stream = new MemoryStream(server, {
      headers: { accept: callbackType },
      body: withCallback(request, subscription),
    });
    return {
      hear: async () => (await hearAnswer(stream)) ?? hearMessages(subscriptionId),
      leave() {
        stream.leave();
        router.forget(subscriptionId);
      },
    };
  },
};

/** `undefined` once the answer has promised messages. */
async function hearAnswer(stream: MemoryStream): Promise<Heard | undefined> {
  if (!stream.hasBegun) return { results: [] };
  await stream.answered;
  if (stream.text === '{"data":null}') return undefined;
  // what is answered to a POST is a GraphQL response
  return toHeard(stream.json as FormattedResult);
}

function hearMessages(id: string): Heard {
  const messages = router.messages(id);
  const results = messages.flatMap(({ payload }) => payload ?? []);
  const last = messages.at(-1);
  if (last?.action !== 'complete') return { results };
  const { errors = [] } = last;
  return { results, end: errors.length > 0 ? { errors: errors.map(toComplaint) } : 'completed' };
}

function withCallback(request: Asked['request'], subscription: object): object {
  // a hostile client may send anything
  const { extensions } = request as { readonly extensions?: unknown };
  const isMap = typeof extensions === 'object' && !Array.isArray(extensions);
  // what is no map is sent as it is: the server has to refuse it
  if (!isMap && extensions !== undefined) return request;
  return { ...request, extensions: { ...extensions, subscription } };
}
