import type { TransportError } from '../transport-error.ts';
import { lobbyName, roomName } from './channel.ts';
import type { ChannelConstructor } from './channel.ts';
import { TabHost } from './host.ts';
import type { TabHostParts } from './host.ts';
import { parseGuestMessage, parseLetter, parseLobbyMessage } from './messages.ts';
import type { Letter, LobbyMessage } from './messages.ts';
import { Wire } from './wire.ts';

/** What a {@link Lobby} is made of. */
export interface LobbyParts {
  readonly name: string;
  readonly Channel: ChannelConstructor;
  /** Names this leader among those who were before it. */
  readonly leader: string;
  readonly host: Omit<TabHostParts, 'lock'>;
}

/** Where a tab that leads takes in those who come. */
export class Lobby {
  readonly #parts: LobbyParts;
  readonly #host: TabHost;
  readonly #door: Wire;
  /** Tabs that were taken in; a knock may be heard twice. */
  readonly #guests = new Set<string>();

  constructor(parts: LobbyParts) {
    const { Channel, name, leader, host } = parts;
    this.#parts = parts;
    // the next leader says itself that this one is gone
    this.#host = new TabHost({ ...host, lock: '' });
    this.#door = new Wire(new Channel(lobbyName(name)), (data) => {
      const message = parseLobbyMessage(data);
      if (message?.type === 'enter') this.#takeIn(message.guest, message.lock);
    });
    const here: LobbyMessage = { type: 'here', leader };
    this.#door.post(here);
  }

  close(failure: TransportError): void {
    this.#door.close();
    this.#host.close(failure);
  }

  #takeIn(id: string, lock: string): void {
    const { Channel, name, leader } = this.#parts;
    if (this.#guests.has(id)) return;
    this.#guests.add(id);
    const room = new Wire(new Channel(roomName(name, id)), (data) => {
      const letter = parseLetter(data);
      const message = letter?.leader === leader && parseGuestMessage(letter.message);
      if (message) guest.receive(message);
    });
    const guest = this.#host.admit(
      {
        post: (message) => {
          const letter: Letter = { leader, message };
          room.post(letter);
        },
        close: () => {
          this.#guests.delete(id);
          room.close();
        },
      },
      lock,
    );
  }
}
