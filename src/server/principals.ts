import type { FormattedError } from '../vocabulary.ts';
import { limitError } from './admission.ts';
import type { EffectiveLimits } from './limits.ts';
import type { InternalErrorReporter } from './masking.ts';

/** Something of a principal that counts until it is over. */
export interface Counted {
  /** Gives the room back. Calling it twice is harmless. */
  leave(): void;
}

/** A connection of a principal. Leaving it ends what still counts of its operations. */
export interface CountedConnection extends Counted {
  startOperation(): Counting<Counted>;
}

/** Whether something may begin. */
export type Counting<What extends Counted> =
  | { readonly kind: 'counted'; readonly counted: What }
  | { readonly kind: 'refused'; readonly error: FormattedError };

/** The `principal` option threw, and the reporter knows: whoever it is must not get in. */
export interface Unidentified {
  readonly kind: 'failed';
}

/** What {@link Principals} reads of the server's options. */
export interface PrincipalsOptions {
  readonly principal?: ((session: object) => string | undefined) | undefined;
  readonly limits: Pick<EffectiveLimits, 'connectionsPerPrincipal' | 'operationsPerPrincipal'>;
  readonly report: InternalErrorReporter;
}

interface Account {
  readonly name: string;
  connections: number;
  operations: number;
}

type Identity =
  | { readonly kind: 'known'; readonly account: Account }
  /** Nobody in particular: nothing is counted. */
  | { readonly kind: 'anonymous' }
  | Unidentified;

/**
 * What each user of a server holds, over all transports: sockets and reserved event streams are connections, and whatever was started and has
 * not ended is an operation, a request over HTTP included.
 *
 * @remarks
 * A principal is remembered only as long as it holds something.
 */
export class Principals {
  readonly #options: PrincipalsOptions;
  readonly #accounts = new Map<string, Account>();

  constructor(options: PrincipalsOptions) {
    this.#options = options;
  }

  /** Principals that hold something. */
  get size(): number {
    return this.#accounts.size;
  }

  /** What `principal` holds. */
  count(principal: string): { readonly connections: number; readonly operations: number } {
    const { connections, operations } = this.#accounts.get(principal) ?? newAccount(principal);
    return { connections, operations };
  }

  /** Whose `session` is; `undefined` for nobody in particular. */
  nameOf(session: object): string | undefined {
    const identity = this.#identify(session);
    return identity.kind === 'known' ? identity.account.name : undefined;
  }

  /** Whether `session` is that of `principal`, or may be: whose it is cannot be told where the option fails. */
  mayBeOf(session: object, principal: string): boolean {
    const identity = this.#identify(session);
    return (
      identity.kind === 'failed' ||
      (identity.kind === 'known' && identity.account.name === principal)
    );
  }

  /** Counts a connection of whoever `session`, accepted by the connect hook, belongs to. */
  enter(session: object): Counting<CountedConnection> | Unidentified {
    const identity = this.#identify(session);
    switch (identity.kind) {
      case 'failed':
        return identity;
      case 'anonymous':
        return uncounted;
      case 'known':
        return this.#enter(identity.account);
    }
  }

  /** Counts an operation that belongs to no connection: that of an HTTP request whose connect hook accepted. */
  startOperation(session: object): Counting<Counted> | Unidentified {
    const identity = this.#identify(session);
    switch (identity.kind) {
      case 'failed':
        return identity;
      case 'anonymous':
        return uncounted;
      case 'known':
        return this.#start(identity.account);
    }
  }

  #identify(session: object): Identity {
    const { principal, report } = this.#options;
    if (!principal) return { kind: 'anonymous' };
    try {
      const name: unknown = principal(session);
      if (name === undefined) return { kind: 'anonymous' };
      if (typeof name !== 'string') {
        throw new TypeError('the `principal` option must return a string or undefined');
      }
      return { kind: 'known', account: this.#accounts.get(name) ?? newAccount(name) };
    } catch (error) {
      report(error, 'principal');
      return { kind: 'failed' };
    }
  }

  #enter(account: Account): Counting<CountedConnection> {
    const maximum = this.#options.limits.connectionsPerPrincipal;
    if (account.connections >= maximum) {
      const error = limitError('TOO_MANY_CONNECTIONS', 'connectionsPerPrincipal', maximum);
      return { kind: 'refused', error };
    }
    this.#change(account, 'connections', 1);
    const running = new Set<Counted>();
    let isOpen = true;
    const leave = (): void => {
      if (!isOpen) return;
      isOpen = false;
      for (const operation of running) operation.leave();
      this.#change(account, 'connections', -1);
    };
    // the account of a connection that left may be another's by now
    const startOperation = (): Counting<Counted> =>
      isOpen ? this.#start(account, running) : uncounted;
    return { kind: 'counted', counted: { leave, startOperation } };
  }

  #start(account: Account, siblings?: Set<Counted>): Counting<Counted> {
    const maximum = this.#options.limits.operationsPerPrincipal;
    if (account.operations >= maximum) {
      const error = limitError('TOO_MANY_OPERATIONS', 'operationsPerPrincipal', maximum);
      return { kind: 'refused', error };
    }
    this.#change(account, 'operations', 1);
    let isRunning = true;
    const leave = (): void => {
      if (!isRunning) return;
      isRunning = false;
      siblings?.delete(counted);
      this.#change(account, 'operations', -1);
    };
    const counted: Counted = { leave };
    siblings?.add(counted);
    return { kind: 'counted', counted };
  }

  #change(account: Account, what: 'connections' | 'operations', by: 1 | -1): void {
    account[what] += by;
    if (account.connections + account.operations > 0) this.#accounts.set(account.name, account);
    else this.#accounts.delete(account.name);
  }
}

function newAccount(name: string): Account {
  return { name, connections: 0, operations: 0 };
}

/** The connection of nobody in particular. */
export const uncountedConnection: CountedConnection = {
  leave: () => {},
  startOperation: () => uncounted,
};

const uncounted: Counting<CountedConnection> = { kind: 'counted', counted: uncountedConnection };
