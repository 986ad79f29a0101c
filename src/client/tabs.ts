import { UsageError } from '../errors.ts';
import type { ConnectionListener, ConnectionSettings, Connection, Transport } from './transport.ts';
import type { ChannelConstructor } from './tabs/channel.ts';
import { systemDepartures } from './tabs/departures.ts';
import type { Departures } from './tabs/departures.ts';
import { toFailing } from './tabs/failure.ts';
import { assertShared } from './tabs/host.ts';
import { hostDefaults } from './tabs/host-options.ts';
import type { TabsHostOptions } from './tabs/host-options.ts';
import { LeaderWay } from './tabs/leader-way.ts';
import type { LocksLike } from './tabs/locks.ts';
import { NamedSettings } from './tabs/named-settings.ts';
import { TabConnection } from './tabs/tab-connection.ts';
import type { AloneReason, Sharing, Way } from './tabs/way.ts';
import { WorkerWay } from './tabs/worker-way.ts';
import type { SharedWorkerLike } from './tabs/worker-way.ts';

export type { ChannelConstructor } from './tabs/channel.ts';
export type { Departures } from './tabs/departures.ts';
export type { TabsHostOptions } from './tabs/host-options.ts';
export type { LocksLike } from './tabs/locks.ts';
export type { AloneReason, Sharing } from './tabs/way.ts';
export type { MessageEventLike, WireLike } from './tabs/wire.ts';
export type { SharedWorkerLike } from './tabs/worker-way.ts';

/** Options of {@link tabs}; `Infinity` turns a period off. */
export interface TabsOptions extends Pick<TabsHostOptions, 'unreadBytes' | 'tabs'> {
  /** What carries operations where a tab does so itself: as the one that leads, or for itself alone. One connection of it has to carry many. */
  readonly transport: Transport;
  /**
   * Says who shares: tabs of the same name have one connection, and to a server that is one user. So whatever distinguishes connections has to be in it: the user, the
   * tenant, the server. A function is asked for each connection; with `undefined` the tab has a connection of its own. It is asked again when the `url` or `connectionParams`
   * of the client were: if the name has changed they are not used, and the tab leaves.
   */
  readonly name: string | (() => string | undefined);
  /** Starts the worker that holds the connection; what its file does is `serveTabs`. Where it throws, or the worker does not answer, one of the tabs leads. @defaultValue one of the tabs leads */
  readonly worker?: (name: string) => SharedWorkerLike;
  /** Told for each connection how it is carried, once that is known. */
  readonly onSharing?: (sharing: Sharing) => void;
  /** How long a worker, or the tab that leads, may take to answer one that comes, in milliseconds. @defaultValue 5_000 */
  readonly joinMs?: number;
  /** How often a tab asks whether the one that holds the connection lives, in milliseconds. That it has crashed is known at once. @defaultValue 15_000 */
  readonly pingAfterMs?: number;
  /** How long it may take to answer, in milliseconds. @defaultValue 15_000 */
  readonly silenceMs?: number;
  /** @defaultValue `navigator.locks` */
  readonly locks?: LocksLike;
  /** @defaultValue the runtime's */
  readonly BroadcastChannel?: ChannelConstructor;
  /** Tells when the page is put away. @defaultValue its `pagehide` and `freeze` */
  readonly departures?: Departures;
}

/** What of the browser is used. */
interface Platform {
  readonly navigator?: { readonly locks?: LocksLike };
  readonly BroadcastChannel?: ChannelConstructor;
}

/**
 * Carries the operations of all tabs over one connection.
 *
 * @remarks
 * What a client does is done in each tab as before: it tries again, resumes, keeps its statuses. When the tab or worker that holds the connection is gone, the others see a lost connection
 * (`CONNECTION_LOST`, `closeCode` 1012) and come back over the next one: with `resumable()` nothing is missing then.
 *
 * @throws UsageError for a transport that is not shared by operations, and for a name that is no string
 */
export function tabs(options: TabsOptions): Transport {
  assertShared(options.transport);
  const group = new TabGroup(options);
  return {
    isShared: true,
    connect: (settings, listener) => group.connect(settings, listener),
  };
}

class TabGroup {
  readonly #options: TabsOptions;
  /** Whether the worker has answered, or may. */
  #isWorkerUsable: boolean;
  /** The parameters of the connection that is shared: those of the first. */
  #shared: Pick<ConnectionSettings, 'connectionParams'> | undefined;
  #confirmsStarts = false;
  readonly #named = new WeakMap<ConnectionSettings, NamedSettings>();

  constructor(options: TabsOptions) {
    this.#options = options;
    this.#isWorkerUsable = options.worker !== undefined;
    if (typeof options.name !== 'function') this.#readName();
  }

  connect(settings: ConnectionSettings, listener: ConnectionListener): Connection {
    try {
      return this.#connectAs(this.#readName(), settings, listener);
    } catch (error) {
      return toFailing(listener, error);
    }
  }

  /** @throws UsageError for what is no name */
  #readName(): string | undefined {
    const { name: given } = this.#options;
    const name: unknown = typeof given === 'function' ? given() : given;
    if (name === undefined || typeof name === 'string') return name;
    throw new UsageError(`A name is a string, not ${typeof name}`);
  }

  #isNamed(name: string): boolean {
    try {
      return this.#readName() === name;
    } catch {
      // whoever it was, has gone
      return false;
    }
  }

  #connectAs(
    name: string | undefined,
    settings: ConnectionSettings,
    listener: ConnectionListener,
  ): Connection {
    const { transport, onSharing, departures = systemDepartures } = this.#options;
    const { joinMs = 5_000, pingAfterMs = 15_000, silenceMs = 15_000 } = this.#options;
    const tell = (sharing: Sharing): void => {
      // what it throws is nobody's here
      if (onSharing) queueMicrotask(() => onSharing(sharing));
    };
    const reason = this.#aloneReason(name, settings);
    if (name === undefined || reason) {
      tell({ kind: 'alone', reason: reason ?? 'unnamed' });
      return transport.connect(settings, listener);
    }
    const shared = this.#toNamed(settings);
    shared.assertNamed = () => {
      if (this.#isNamed(name)) return;
      connection.leave('The name has changed');
      throw new UsageError('The name has changed');
    };
    const ways = this.#ways(name, shared);
    const connection = new TabConnection({
      transport,
      settings,
      shared,
      listener,
      nextWay: () => ways.next().value,
      locks: this.#platform().locks,
      departures,
      joinMs,
      pingAfterMs,
      silenceMs,
      confirmsStarts: this.#confirmsStarts,
      onConnected: (confirmsStarts) => {
        this.#confirmsStarts = confirmsStarts;
      },
      onSharing: tell,
    });
    return connection;
  }

  #toNamed(settings: ConnectionSettings): NamedSettings {
    const named = this.#named.get(settings) ?? new NamedSettings(settings);
    this.#named.set(settings, named);
    return named;
  }

  #aloneReason(name: string | undefined, settings: ConnectionSettings): AloneReason | undefined {
    if (name === undefined) return 'unnamed';
    this.#shared ??= settings;
    return this.#shared.connectionParams === settings.connectionParams ? undefined : 'parameters';
  }

  // what there is here, the best first; the next is only asked for if one leads nowhere
  *#ways(name: string, settings: ConnectionSettings): Generator<Way, undefined> {
    const { worker } = this.#options;
    const { locks, Channel } = this.#platform();
    if (worker && this.#isWorkerUsable) {
      try {
        yield new WorkerWay(worker(name), name);
      } catch {
        // the browser has none, or will not have this one
      }
      this.#isWorkerUsable = false;
    }
    if (!locks || !Channel) return;
    const { transport, unreadBytes, tabs: limit } = this.#options;
    const options = {
      ...hostDefaults,
      ...(unreadBytes !== undefined && { unreadBytes }),
      ...(limit !== undefined && { tabs: limit }),
    };
    const host = { transport, settings, clock: settings.clock, options, locks };
    yield new LeaderWay({ name, locks, Channel, host });
  }

  #platform(): {
    readonly locks: LocksLike | undefined;
    readonly Channel: ChannelConstructor | undefined;
  } {
    const { navigator, BroadcastChannel } = globalThis as Platform;
    return {
      locks: this.#options.locks ?? navigator?.locks,
      Channel: this.#options.BroadcastChannel ?? BroadcastChannel,
    };
  }
}
