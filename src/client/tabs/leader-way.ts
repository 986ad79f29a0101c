import type { TransportError } from '../transport-error.ts';
import { lobbyName, roomName } from './channel.ts';
import type { ChannelConstructor } from './channel.ts';
import { movedOn } from './failure.ts';
import { Lobby } from './lobby.ts';
import type { LobbyParts } from './lobby.ts';
import { takeLock } from './locks.ts';
import type { LocksLike } from './locks.ts';
import { parseHostMessage, parseLetter, parseLobbyMessage } from './messages.ts';
import type { GuestMessage, Letter, LobbyMessage } from './messages.ts';
import type { Sharing, Way, WayEvents } from './way.ts';
import { Wire } from './wire.ts';

/** What a {@link LeaderWay} is made of. */
export interface LeaderWayParts extends Omit<LobbyParts, 'leader'> {
  readonly name: string;
  readonly locks: LocksLike;
  readonly Channel: ChannelConstructor;
}

/**
 * To the host in the tab that has a lock, which may be this one: then it is its own guest as it is that of others.
 *
 * @remarks
 * Every tab that needs the connection waits for the lock. Whoever gets it while it looks for a host leads, and says so in the lobby, a channel that all have; after that leader and
 * guest talk on a channel of their own. Whoever gets it while it follows somebody knows that this leader is gone.
 */
export class LeaderWay implements Way {
  readonly #parts: LeaderWayParts;
  readonly #id = crypto.randomUUID();
  readonly #wires: Wire[] = [];
  /** Open while this tab leads. */
  #ownLobby: Lobby | undefined;
  /** Whom it follows; that may be itself. */
  #leader: string | undefined;
  #stand: (steal: boolean) => void = () => {};
  #release = (): void => {};
  #hasInsisted = false;

  constructor(parts: LeaderWayParts) {
    this.#parts = parts;
  }

  get sharing(): Sharing {
    return { kind: this.#ownLobby ? 'leader' : 'follower' };
  }

  enter(lock: string, events: WayEvents): void {
    const { Channel, name } = this.#parts;
    const knock: LobbyMessage = { type: 'enter', guest: this.#id, lock };
    const lobby = new Wire(new Channel(lobbyName(name)), (data) => {
      const message = parseLobbyMessage(data);
      if (message?.type !== 'here') return;
      if (this.#leader === undefined) lobby.post(knock);
      else if (this.#leader !== message.leader) events.lost(leaderGone());
    });
    const room = new Wire(new Channel(roomName(name, this.#id)), (data) =>
      this.#open(parseLetter(data), events),
    );
    this.#wires.push(room, lobby);
    lobby.post(knock);
    this.#stand = (steal) => this.#takeLock(events, steal);
    this.#stand(false);
  }

  /** Whoever has the lock, and does not answer, loses it; once. */
  insist(): boolean {
    if (this.#hasInsisted) return false;
    this.#hasInsisted = true;
    // it leads itself by now, and will hear so
    if (this.#ownLobby) return true;
    this.#release();
    this.#stand(true);
    return true;
  }

  post(message: GuestMessage): void {
    if (this.#leader === undefined) return;
    const letter: Letter = { leader: this.#leader, message };
    this.#wires[0]?.post(letter);
  }

  leave(): void {
    for (const wire of this.#wires) wire.close();
    this.#ownLobby?.close(leaderGone());
    this.#release();
  }

  #open(letter: Letter | undefined, events: WayEvents): void {
    const message = letter && parseHostMessage(letter.message);
    if (!message) return;
    // somebody may have lost the lock, and not know it yet
    if (message.type === 'welcome') this.#leader ??= letter.leader;
    if (letter.leader === (this.#leader ?? letter.leader)) events.heard(message);
  }

  #takeLock(events: WayEvents, steal: boolean): void {
    const { name, locks } = this.#parts;
    this.#release = takeLock(locks, {
      name: lobbyName(name),
      steal,
      taken: () => {
        if (this.#leader !== undefined) events.lost(leaderGone());
        else this.#ownLobby = new Lobby({ ...this.#parts, leader: this.#id });
      },
      lost: () => {
        if (this.#leader === undefined && !this.#ownLobby) events.failed();
        else events.lost(leaderGone());
      },
    });
  }
}

function leaderGone(): TransportError {
  return movedOn('The tab that held the connection is gone');
}
