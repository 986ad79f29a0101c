import type { TransportError } from '../transport-error.ts';
import type { GuestMessage, HostMessage } from './messages.ts';

/**
 * How a tab's connection is carried: by a worker, by this tab or another one that holds the connection for all, or, where that cannot be, by a connection
 * of its own.
 */
export type Sharing =
  | { readonly kind: 'worker' }
  /** This tab holds the connection. */
  | { readonly kind: 'leader' }
  /** Another tab holds it. */
  | { readonly kind: 'follower' }
  | { readonly kind: 'alone'; readonly reason: AloneReason };

/**
 * Why a tab has a connection of its own: no name was given (`unnamed`); the browser has no shared workers and no Web Locks, or does not let the page use them
 * (`unsupported`); the connection has parameters of its own (`parameters`); the worker is of another deployment (`version`); as many tabs as may share do (`full`); nobody
 * answered (`silent`).
 */
export type AloneReason = 'unnamed' | 'unsupported' | 'parameters' | 'version' | 'full' | 'silent';

/** What a {@link Way} tells. Nothing before `enter`, nor after `leave`. */
export interface WayEvents {
  /** What the host says, and who it is. */
  heard(message: HostMessage): void;
  /** The host is gone. */
  lost(failure: TransportError): void;
  /** It leads nowhere. */
  failed(): void;
}

/** How a tab gets to a host. */
export interface Way {
  readonly sharing: Sharing;
  /** Looks for the host; `lock` is free once this tab is gone. */
  enter(lock: string, events: WayEvents): void;
  /** The host has not answered for a while. Whether there is still something to hope for. */
  insist(): boolean;
  post(message: GuestMessage): void;
  leave(): void;
}
