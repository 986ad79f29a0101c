import type { Member } from './line.ts';
import type { TransportError } from './transport-error.ts';

type AckPayload = Readonly<Record<string, unknown>> | undefined;

/** A member that needs nothing but the connection, and so keeps it open. */
export class Holder implements Member {
  readonly #onConnected: (ackPayload: AckPayload) => void;
  readonly #onFailed: (failure: TransportError) => void;
  /** The first attempt is the caller's, who waits for it; after that it is as for subscriptions. */
  isRetried = false;

  constructor(
    onConnected: (ackPayload: AckPayload) => void,
    onFailed: (failure: TransportError) => void,
  ) {
    this.#onConnected = onConnected;
    this.#onFailed = onFailed;
  }

  attach(): void {}

  interrupted(): void {}

  connected(ackPayload: AckPayload): void {
    this.isRetried = true;
    this.#onConnected(ackPayload);
  }

  failed(failure: TransportError): void {
    this.#onFailed(failure);
  }
}
