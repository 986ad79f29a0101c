import type { FormattedError, FormattedResult } from '../../vocabulary.ts';

/** The header that every message carries, and by which a callback endpoint shows that it is one. */
export const callbackHeader = 'subscription-protocol';

/** Value of {@link callbackHeader} in the one version that there is. */
export const callbackVersion = 'callback/1.0';

/** The media type that a subscriber accepts besides; the parameter is what tells it from JSON. */
export const callbackMediaType = 'application/json;callbackSpec=1.0';

/** What a subscriber asks for in `extensions.subscription`. */
export interface CallbackSubscription {
  /** Where all messages go. */
  readonly callbackUrl: URL;
  readonly subscriptionId: string;
  /** A secret of the subscriber, by which it knows that a message is meant for it. */
  readonly verifier: string;
  /** How often the subscriber wants a `check`; 0: not again after the first. */
  readonly heartbeatIntervalMs: number;
}

interface MessageBase {
  readonly kind: 'subscription';
  readonly id: string;
  readonly verifier: string;
}

/** What an emitter sends. */
export type CallbackMessage =
  | (MessageBase & { readonly action: 'check' })
  | (MessageBase & { readonly action: 'next'; readonly payload: FormattedResult })
  /** Without `errors` the source has ended by itself. */
  | (MessageBase & { readonly action: 'complete'; readonly errors?: readonly FormattedError[] });
