import type { Position } from 'millrace';

import type { LedgerEvent, Stream } from './events.ts';

/** What a server says about events that it cannot deliver. */
export interface GapReport {
  readonly reason?: string | undefined;
  /** Where reading goes on. */
  readonly token?: string | undefined;
  /** What a queue dropped: its first and its last event, and how many they are. */
  readonly missing?:
    | { readonly from: string; readonly until: string; readonly events: number }
    | undefined;
}

/** One thing that happened to an operation, as its consumer sees it. */
export type Entry =
  /** Where reading begins, and that nothing is missing, before or after an interruption. */
  | { readonly kind: 'start' | 'recovered'; readonly token?: string | undefined }
  | { readonly kind: 'event'; readonly event: LedgerEvent; readonly token?: string | undefined }
  | ({ readonly kind: 'gap' } & GapReport)
  /** An event came again, and the client knew. */
  | { readonly kind: 'suppressed'; readonly token?: string | undefined }
  /** The operation ended, or got errors instead of an event. */
  | { readonly kind: 'failed'; readonly code: string };

/** Whose account it is, and of what. */
export interface AccountOwner {
  readonly client: string;
  readonly transport: string;
  readonly stream: Stream;
  /** Whether it asked to be told of gaps: others are told by the end of their operation, and come back then. */
  readonly isOptedIn: boolean;
}

/** What one operation of one client writes down. */
export class Account {
  readonly owner: AccountOwner;
  readonly entries: Entry[] = [];
  #lastSequence = 0;

  constructor(owner: AccountOwner) {
    this.owner = owner;
  }

  get stream(): Stream {
    return this.owner.stream;
  }

  write(entry: Entry): void {
    this.entries.push(entry);
    if (entry.kind === 'event') this.#lastSequence = entry.event.sequence;
  }

  /** Whether it knows where it begins: from here on every event is its own. */
  get hasBegun(): boolean {
    return this.entries.length > 0;
  }

  /** Of the event that came last; 0 before the first. */
  get lastSequence(): number {
    return this.#lastSequence;
  }
}

/** Positions are no secret: a token holds its own in the clear, beside the MAC. */
export function positionIn(token: string | undefined): Position | undefined {
  const body = token?.split('.')[2];
  if (body === undefined) return undefined;
  // a server wrote it, and whoever changed it would be found out by the other servers
  const [epoch, offset] = JSON.parse(Buffer.from(body, 'base64url').toString()) as [string, string];
  return { epoch, offset };
}
