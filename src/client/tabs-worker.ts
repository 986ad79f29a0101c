import { systemClock } from './system-clock.ts';
import type { ClientClock, ConnectionSettings, Transport } from './transport.ts';
import { movedOn } from './tabs/failure.ts';
import { TabHost, assertShared } from './tabs/host.ts';
import type { Ask, Guest } from './tabs/host.ts';
import { hostDefaults } from './tabs/host-options.ts';
import type { TabsHostOptions } from './tabs/host-options.ts';
import { takeLock } from './tabs/locks.ts';
import type { LocksLike } from './tabs/locks.ts';
import { parseGuestMessage, tabsVersion } from './tabs/messages.ts';
import type { GuestMessage, HostMessage, Question } from './tabs/messages.ts';
import { Wire } from './tabs/wire.ts';
import type { WireLike } from './tabs/wire.ts';

export type { TabsHostOptions } from './tabs/host-options.ts';
export type { LocksLike } from './tabs/locks.ts';

type ConnectionParams = Readonly<Record<string, unknown>> | undefined;

/** Options of {@link serveTabs}. */
export interface ServeTabsOptions extends TabsHostOptions {
  /** What carries the operations of all tabs. */
  readonly transport: Transport;
  /** Where the server is. @defaultValue one of the tabs is asked for that of its client */
  readonly url?: ConnectionSettings['url'];
  /** What the server is told first; a function is asked for each connection, with the name of those who share it. @defaultValue one of the tabs is asked for those of its client */
  readonly connectionParams?:
    | Readonly<Record<string, unknown>>
    | ((name: string) => ConnectionParams | PromiseLike<ConnectionParams>);
  /** @defaultValue the clock of the runtime */
  readonly clock?: ClientClock;
  /** @defaultValue `navigator.locks` */
  readonly locks?: LocksLike;
  /** Where tabs connect. @defaultValue the worker */
  readonly scope?: WorkerScopeLike;
}

/** The members of a `SharedWorkerGlobalScope` that are used. */
export interface WorkerScopeLike {
  addEventListener(type: 'connect', listener: (event: ConnectEventLike) => void): void;
  removeEventListener(type: 'connect', listener: (event: ConnectEventLike) => void): void;
}

/** The members of its `connect` event that are used. */
export interface ConnectEventLike {
  readonly ports: readonly unknown[];
}

/** What {@link serveTabs} has begun. */
export interface TabsService {
  /** Ends all connections; tabs are told. */
  close(): void;
}

/**
 * What the file of a shared worker does: holds a connection for all tabs that have the same name, as long as one of them needs it.
 *
 * @remarks
 * Has to be called while the file is evaluated, before anything is awaited: browsers announce a tab once.
 *
 * @throws UsageError for a transport that is not shared by operations
 */
export function serveTabs(options: ServeTabsOptions): TabsService {
  assertShared(options.transport);
  const service = new WorkerService(options);
  return { close: () => service.close() };
}

/** Beyond so many those without a tab go: one that stays knows whether the server refused its parameters last. */
const rememberedHosts = 32;

type Hello = Extract<GuestMessage, { readonly type: 'hello' }>;

class WorkerService {
  readonly #options: ServeTabsOptions;
  readonly #scope: WorkerScopeLike;
  readonly #locks: LocksLike | undefined;
  /** A lock that is free once the worker is gone; empty if it has none. */
  #lock = '';
  readonly #ready: Promise<void>;
  #release = (): void => {};
  #isOpen = true;
  readonly #hosts = new Map<string, TabHost>();

  constructor(options: ServeTabsOptions) {
    // a worker that tabs share has both
    const global = globalThis as unknown as WorkerScopeLike & {
      readonly navigator?: { readonly locks?: LocksLike };
    };
    this.#options = options;
    this.#scope = options.scope ?? global;
    this.#locks = options.locks ?? global.navigator?.locks;
    this.#ready = this.#takeLock();
    this.#scope.addEventListener('connect', this.#accept);
  }

  close(): void {
    this.#isOpen = false;
    this.#scope.removeEventListener('connect', this.#accept);
    for (const host of this.#hosts.values()) host.close(movedOn('The worker was closed'));
    this.#release();
  }

  /** Resolves once it is held, or known that it cannot be. */
  #takeLock(): Promise<void> {
    const locks = this.#locks;
    if (!locks) return Promise.resolve();
    const name = `millrace/tabs-worker/${crypto.randomUUID()}`;
    return new Promise((resolve) => {
      const taken = (): void => {
        this.#lock = name;
        resolve();
      };
      this.#release = takeLock(locks, { name, taken, lost: resolve });
    });
  }

  readonly #accept = ({ ports }: ConnectEventLike): void => {
    const port = ports[0] as WireLike; // of a `connect` event there is one; the types of ports differ between libraries
    // what a tab says before somebody listens waits in the port
    void this.#ready.then(() => this.#listen(port));
  };

  #listen(port: WireLike): void {
    let guest: Guest | undefined;
    const wire = new Wire(port, (data) => {
      const message = parseGuestMessage(data);
      if (!this.#isOpen) wire.close();
      else if (message && guest) guest.receive(message);
      else if (message?.type === 'hello') guest = this.#admit(wire, message);
    });
  }

  #admit(wire: Wire, { version, name, lock }: Hello): Guest | undefined {
    if (version === tabsVersion) return this.#hostOf(name).admit(wire, lock);
    const refusal: HostMessage = { type: 'refused', reason: 'version' };
    wire.post(refusal);
    wire.close();
    return undefined;
  }

  /** Names never share: each has a connection, and tabs, of its own. */
  #hostOf(name: string): TabHost {
    let host = this.#hosts.get(name);
    if (!host) {
      const { transport, clock = systemClock, ...options } = this.#options;
      host = new TabHost({
        transport,
        clock,
        options: { ...hostDefaults, ...options },
        locks: this.#locks,
        lock: this.#lock,
        settings: (ask) => ({ ...this.#toSettings(name, ask), clock }),
      });
      if (this.#hosts.size >= rememberedHosts) this.#forgetIdle();
      this.#hosts.set(name, host);
    }
    return host;
  }

  #forgetIdle(): void {
    for (const [name, { isEmpty }] of this.#hosts) if (isEmpty) this.#hosts.delete(name);
  }

  #toSettings(name: string, ask: Ask): Omit<ConnectionSettings, 'clock'> {
    const { connectionParams, url } = this.#options;
    const read = async (question: Question): Promise<unknown> => {
      const text = await ask(question);
      return text ? JSON.parse(text) : undefined;
    };
    return {
      // what a tab says of its own client is what that has
      url: url ?? (() => read('url') as Promise<string>),
      connectionParams:
        typeof connectionParams === 'function'
          ? () => connectionParams(name)
          : (connectionParams ?? (() => read('connectionParams') as Promise<ConnectionParams>)),
    };
  }
}
