import type { OperationKind } from '../transport.ts';

/**
 * Of the messages below. Tabs of several deployments may be open at once: those that differ in it do not share.
 *
 * @remarks
 * In every version a tab begins with `hello` and its `version`, and `refused` is an answer to that.
 */
export const tabsVersion = 1;

/** What a tab asks its host for when it wants to know itself. */
export type Question = 'url' | 'connectionParams';

/** Why a host does not take a tab. */
export type Refusal = 'version' | 'full';

/** What a tab says to the one that holds the connection. Texts in it are JSON, so that values are what a server would see of them. */
export type GuestMessage =
  | {
      readonly type: 'hello';
      readonly version: number;
      /** Whose connection it wants. */
      readonly name: string;
      /** A lock that is free once the tab is gone; empty where there are none. */
      readonly lock: string;
    }
  | {
      readonly type: 'start';
      readonly operation: number;
      readonly kind: OperationKind;
      readonly request: string;
    }
  | { readonly type: 'stop'; readonly operation: number }
  /** So much of what was sent has been processed; see {@link sizeOf}. */
  | { readonly type: 'took'; readonly size: number }
  | { readonly type: 'ping' }
  | { readonly type: 'probe' }
  /** The value is JSON, or empty where there is none; so is the problem. */
  | {
      readonly type: 'answer';
      readonly id: number;
      readonly value: string;
      readonly problem: string;
    }
  | { readonly type: 'leave' };

/** What the one that holds the connection says to a tab. */
export type HostMessage =
  | OperationMessage
  | {
      readonly type: 'welcome';
      /** A lock that is free once the host is gone; empty where there are none. */
      readonly lock: string;
      /** What a tab may leave unprocessed, in the unit of {@link sizeOf}. */
      readonly window: number;
    }
  | { readonly type: 'refused'; readonly reason: Refusal }
  /** The payload is JSON, or empty where there is none. */
  | { readonly type: 'connected'; readonly payload: string; readonly confirmsStarts: boolean }
  | { readonly type: 'violated'; readonly message: string }
  | { readonly type: 'closed'; readonly failure: string }
  | { readonly type: 'pong' }
  | { readonly type: 'ask'; readonly id: number; readonly question: Question };

/** What it says of one operation. */
export type OperationMessage =
  | { readonly type: 'started'; readonly operation: number }
  | { readonly type: 'next'; readonly operation: number; readonly result: string }
  | { readonly type: 'error'; readonly operation: number; readonly errors: string }
  | { readonly type: 'complete'; readonly operation: number }
  | { readonly type: 'failed'; readonly operation: number; readonly failure: string };

/** What tabs that have no worker say to all others: who holds the connection now, and who wants to share it. */
export type LobbyMessage =
  | { readonly type: 'here'; readonly leader: string }
  | { readonly type: 'enter'; readonly guest: string; readonly lock: string };

/** A message between one tab and the leader that is named, and no other: two may believe to be it for a moment. */
export interface Letter {
  readonly leader: string;
  readonly message: unknown;
}

type Shape = Readonly<Record<string, 'string' | 'number' | 'boolean'>>;

const operation = { operation: 'number' } as const;

const guestShapes: Readonly<Record<GuestMessage['type'], Shape>> = {
  // the rest of it is only known if the version is
  hello: { version: 'number' },
  start: { ...operation, kind: 'string', request: 'string' },
  stop: operation,
  took: { size: 'number' },
  ping: {},
  probe: {},
  answer: { id: 'number', value: 'string', problem: 'string' },
  leave: {},
};

const hostShapes: Readonly<Record<HostMessage['type'], Shape>> = {
  welcome: { lock: 'string', window: 'number' },
  refused: { reason: 'string' },
  connected: { payload: 'string', confirmsStarts: 'boolean' },
  violated: { message: 'string' },
  closed: { failure: 'string' },
  started: operation,
  next: { ...operation, result: 'string' },
  error: { ...operation, errors: 'string' },
  complete: operation,
  failed: { ...operation, failure: 'string' },
  pong: {},
  ask: { id: 'number', question: 'string' },
};

const lobbyShapes: Readonly<Record<LobbyMessage['type'], Shape>> = {
  here: { leader: 'string' },
  enter: { guest: 'string', lock: 'string' },
};

/** `undefined` for what is none: other programs of the same origin may use the same names. */
export function parseGuestMessage(data: unknown): GuestMessage | undefined {
  return fits(data, guestShapes) ? (data as GuestMessage) : undefined; // its members are checked; what strings may say is up to the version
}

/** `undefined` for what is none. */
export function parseHostMessage(data: unknown): HostMessage | undefined {
  return fits(data, hostShapes) ? (data as HostMessage) : undefined; // as above
}

/** `undefined` for what is none. */
export function parseLobbyMessage(data: unknown): LobbyMessage | undefined {
  return fits(data, lobbyShapes) ? (data as LobbyMessage) : undefined; // as above
}

/** `undefined` for what is none. */
export function parseLetter(data: unknown): Letter | undefined {
  return hasShape(data, { leader: 'string' }) ? (data as Letter) : undefined; // as above; its message is looked at by whoever opens it
}

/** What `message` counts while it waits to be processed, in bytes: that of its texts, and something for the rest. */
export function sizeOf(message: HostMessage): number {
  let size = 128;
  for (const value of Object.values(message))
    if (typeof value === 'string') size += 2 * value.length;
  return size;
}

function fits(data: unknown, shapes: Readonly<Record<string, Shape>>): boolean {
  const type = String(isObject(data) && data['type']);
  const shape = Object.hasOwn(shapes, type) ? shapes[type] : undefined;
  return shape !== undefined && hasShape(data, shape);
}

function hasShape(data: unknown, shape: Shape): boolean {
  if (!isObject(data)) return false;
  return Object.entries(shape).every(([name, kind]) => typeof data[name] === kind);
}

function isObject(data: unknown): data is Readonly<Record<string, unknown>> {
  return typeof data === 'object' && data !== null;
}
