import type { EmitterOptions, Reply } from '../../../src/protocol/callback/emitter.ts';
import type { CallbackSubscription } from '../../../src/protocol/callback/messages.ts';

/** The periods of the server's defaults; half of chance. */
export const emitterOptions: EmitterOptions = {
  timeoutMs: 10_000,
  attempts: 5,
  retryMinMs: 100,
  retryMaxMs: 1_000,
  heartbeatMaxMs: 60_000,
  closingMs: 5_000,
  random: () => 0.999,
};

/** The subscription of the document's transcript. */
export function subscriptionWith(
  members: Partial<CallbackSubscription> = {},
): CallbackSubscription {
  return {
    callbackUrl: new URL('https://router.internal/cb/8f1c'),
    subscriptionId: '8f1c',
    verifier: 'a91e',
    heartbeatIntervalMs: 0,
    ...members,
  };
}

/** An answer of an endpoint that speaks the protocol. */
export function replyWith(status: number): Reply {
  return { kind: 'answer', status, protocol: 'callback/1.0' };
}
