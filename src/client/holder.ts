import type { Member } from './line.ts';
import type { TransportError } from './transport-error.ts';

type AckPayload = Readonly<Record<string, unknown>> | undefined;

/** A member that needs nothing but the connection, and so keeps it open. */
export class Holder implements Member {
  /** The first attempt is the caller's, who waits for it; after that it is as for subscriptions. */
  isRetried = false;
  readonly #onConnected: (ackPayload: AckPayload) => void;
  readonly failed: (failure: TransportError) => void;
  readonly moved: () => void;

  /** @param onMoved - has to find another line for it */
  constructor(
    onConnected: (ackPayload: AckPayload) => void,
    onFailed: (failure: TransportError) => void,
    onMoved: (holder: Holder) => void,
  ) {
    this.#onConnected = onConnected;
    this.failed = onFailed;
    this.moved = () => onMoved(this);
  }

  connected(ackPayload: AckPayload): void {
    this.isRetried = true;
    this.#onConnected(ackPayload);
  }

  attach(): void {}

  interrupted(): void {}
}
