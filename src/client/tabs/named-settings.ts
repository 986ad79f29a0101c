import { provide } from '../transport.ts';
import type { ConnectionSettings, Provided } from '../transport.ts';

/**
 * The settings of a tab's client as they are used for all tabs of its name: what they give after that has changed is somebody else's, and stays here.
 *
 * @remarks
 * One object for all connections of the client, for transports remember by it what a server refused.
 */
export class NamedSettings implements ConnectionSettings {
  readonly url: ConnectionSettings['url'];
  readonly connectionParams: ConnectionSettings['connectionParams'];
  readonly clock: ConnectionSettings['clock'];
  /** Throws if the name of the connection that there is now has changed. */
  assertNamed: () => void = () => {};

  constructor({ url, connectionParams, clock }: ConnectionSettings) {
    this.url = this.#guard(url);
    this.connectionParams = this.#guard(connectionParams);
    this.clock = clock;
  }

  /** What is no function is the same whoever has signed in. */
  #guard<Value>(provided: Provided<Value>): Provided<Value> {
    if (typeof provided !== 'function') return provided;
    return async () => {
      const { assertNamed } = this;
      try {
        return await provide(provided);
      } finally {
        // it may have failed because of that
        assertNamed();
      }
    };
  }
}
