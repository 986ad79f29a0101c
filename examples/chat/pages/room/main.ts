import { Composer } from './composer.ts';
import { loadName, saveName } from './guest-name.ts';
import { MessageList } from './message-list.ts';
import { RoomConnection } from './room-connection.ts';
import type { ConnectionStatus } from './room-connection.ts';
import { roomOf, showRoomMenu, toRoomPath } from './room-menu.ts';

const statusTexts = {
  connecting: 'Connecting',
  live: 'Live',
  recovered: 'Live – nothing missed',
  gap: 'Catching up',
  reconnecting: 'Reconnecting',
  offline: 'Offline – reload',
} as const satisfies Record<ConnectionStatus, string>;

const room = roomOf(new URL(location.href));
document.title = `${room} – Millrace chat`;
byId('room-name', HTMLElement).textContent = room;
byId('second-window', HTMLAnchorElement).href = toRoomPath(room);
byId('graphiql-link', HTMLAnchorElement).href = `/graphiql?room=${encodeURIComponent(room)}`;

showRoomMenu(
  {
    menu: byId('rooms', HTMLElement),
    toggle: byId('rooms-toggle', HTMLButtonElement),
    list: byId('room-list', HTMLElement),
    form: byId('go-to-room', HTMLFormElement),
    otherRoom: byId('other-room', HTMLInputElement),
  },
  room,
);

const author = byId('author', HTMLInputElement);
author.value = loadName();
saveName(author.value);

const list = byId('messages', HTMLElement);
const messages = new MessageList(
  {
    scroller: byId('conversation', HTMLElement),
    list,
    empty: byId('empty', HTMLElement),
    unseen: byId('unseen', HTMLButtonElement),
  },
  () => author.value.trim(),
);
author.addEventListener('change', () => {
  saveName(author.value);
  messages.redraw();
});

const status = byId('status', HTMLElement);
const connection = new RoomConnection(room, {
  onStatus(current) {
    status.textContent = statusTexts[current];
    status.dataset['status'] = current;
    composer.setLive(current === 'live' || current === 'recovered' || current === 'gap');
  },
  onMessage: (message) => messages.add([message]),
  onHistory(history) {
    messages.fill(history);
    // from now on a screen reader announces what arrives
    list.ariaLive = 'polite';
  },
  onGap: () => messages.markGap(),
  onProblem: (problem) => composer.showProblem(problem),
});

const composer = new Composer(
  {
    form: byId('composer', HTMLFormElement),
    author,
    text: byId('text', HTMLTextAreaElement),
    send: byId('send', HTMLButtonElement),
    problem: byId('problem', HTMLElement),
  },
  async (draft) => {
    messages.add([await connection.post(draft)]);
    messages.scrollToEnd();
  },
);
connection.join();

function byId<Type extends HTMLElement>(id: string, type: new () => Type): Type {
  const element = document.getElementById(id);
  if (element instanceof type) return element;
  throw new Error(`The page has no ${type.name} with the id ${id}`);
}
