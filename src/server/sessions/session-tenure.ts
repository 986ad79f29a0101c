import type { ServerConnection, ServerOutput } from '../../protocol/index.ts';
import { withExpiry } from '../../protocol/index.ts';
import type { Instant } from '../../vocabulary.ts';
import { never } from '../../vocabulary.ts';
import { decideConnect } from '../connect.ts';
import type { ConnectDecision } from '../connect.ts';
import type { ServerCore } from '../core.ts';
import type { SessionEvent } from '../options.ts';
import type { SessionHolder, SessionLease } from './session-lease.ts';

/** What became of an attempt to renew a session. */
export type Renewal = Exclude<ConnectDecision, { readonly kind: 'accepted' }> | Renewed;

interface Renewed {
  readonly kind: 'renewed';
  readonly session: object;
}

/** How long the session of one socket lasts, and whether its client may renew it where it is. */
export class SessionTenure {
  readonly #core: ServerCore;
  readonly #lease: SessionLease;
  readonly #connection: ServerConnection;
  #isRenewing = false;

  constructor(core: ServerCore, lease: SessionLease, connection: ServerConnection) {
    this.#core = core;
    this.#lease = lease;
    this.#connection = connection;
  }

  /** `holder` is let in; returns what its client is told with the ack. */
  begin(
    holder: SessionHolder,
    ackPayload: Readonly<Record<string, unknown>> | undefined,
  ): Readonly<Record<string, unknown>> | undefined {
    if (!this.#isRenewable()) {
      this.#lease.hold(holder);
      return ackPayload;
    }
    this.#lease.hold(holder, this.#core.limits.expiryGraceMs);
    return withExpiry(ackPayload ?? {}, this.#leftMs(this.#core.clock.now()));
  }

  /** Takes fresh credentials, one after the other: what comes meanwhile is only echoed. Never rejects; the outputs are those of the connection. */
  async renew(
    { connectionParams, echo }: Extract<ServerOutput, { readonly kind: 'renew' }>,
    event: SessionEvent<object>,
  ): Promise<{ readonly outputs: readonly ServerOutput[]; readonly session?: object }> {
    const connection = this.#connection;
    if (this.#isRenewing || !this.#isRenewable()) return { outputs: connection.renewed(echo) };
    this.#isRenewing = true;
    const renewal = await this.#ask(connectionParams, event);
    this.#isRenewing = false;
    const now = this.#core.clock.now();
    switch (renewal.kind) {
      case 'refused':
        return { outputs: connection.close(now, renewal.error ?? 'FORBIDDEN', renewal.reason) };
      case 'failed':
        return { outputs: connection.renewed(echo) };
      case 'renewed':
        return {
          outputs: connection.renewed(echo, this.#leftMs(now)),
          session: renewal.session,
        };
    }
  }

  end(): void {
    this.#lease.end();
  }

  /**
   * It has to expire, and to be somebody's: another principal's credentials must not go on with what was begun for this one. And its client must be able to
   * send others.
   */
  #isRenewable(): boolean {
    const { expiresAt, session } = this.#lease;
    return (
      this.#connection.protocol === 'graphql-transport-ws' &&
      expiresAt !== never &&
      this.#core.principals.nameOf(session) !== undefined
    );
  }

  #leftMs(now: Instant): number {
    return this.#lease.expiresAt - now;
  }

  async #ask(
    connectionParams: Readonly<Record<string, unknown>>,
    { request, protocol }: SessionEvent<object>,
  ): Promise<Renewal> {
    const { principals } = this.#core;
    const { session: renews } = this.#lease;
    const name = principals.nameOf(renews); // now: the hook may change the session that it is shown
    const asking = { request, protocol, connectionParams, renews };
    const decision = await decideConnect(this.#core, asking);
    if (decision.kind !== 'accepted') return decision;
    const { session, lease } = decision;
    if (name === undefined || principals.nameOf(session) !== name) {
      lease.end();
      return { kind: 'refused', reason: 'These credentials are those of another principal' };
    }
    this.#lease.renew(lease);
    return { kind: 'renewed', session };
  }
}
