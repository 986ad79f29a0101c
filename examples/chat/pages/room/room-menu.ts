/** Elements of the page that lead to other rooms. */
export interface RoomMenuElements {
  readonly menu: HTMLElement;
  readonly toggle: HTMLButtonElement;
  readonly list: HTMLElement;
  readonly form: HTMLFormElement;
  readonly otherRoom: HTMLInputElement;
}

const storageKey = 'millrace-chat-rooms';
const maxRooms = 12;
const lobby = 'lobby';

/** The room that an address names: `/rooms/<name>` or `?room=<name>`. */
export function roomOf({ pathname, searchParams }: URL): string {
  const inPath = /^\/rooms\/([^/]+)/.exec(pathname)?.[1] ?? '';
  return (decode(inPath) || searchParams.get('room') || '').trim().slice(0, 40) || lobby;
}

/** The address of a room. */
export function toRoomPath(room: string): string {
  return `/rooms/${encodeURIComponent(room)}`;
}

/** Lists the rooms that this browser has been to and opens others. */
export function showRoomMenu(elements: RoomMenuElements, current: string): void {
  const { menu, toggle, list, form, otherRoom } = elements;
  const rooms = rememberRoom(current);
  list.replaceChildren(...rooms.map((room) => toEntry(room, room === current)));
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const room = otherRoom.value.trim();
    if (room !== '') location.assign(toRoomPath(room));
  });

  const setOpen = (isOpen: boolean): void => {
    menu.classList.toggle('open', isOpen);
    toggle.ariaExpanded = String(isOpen);
  };
  toggle.addEventListener('click', () => setOpen(toggle.ariaExpanded !== 'true'));
  document.addEventListener('keydown', ({ key }) => {
    if (key === 'Escape' && toggle.ariaExpanded === 'true') {
      setOpen(false);
      toggle.focus();
    }
  });
  document.addEventListener('click', ({ target }) => {
    const isInside = target instanceof Node && (menu.contains(target) || toggle.contains(target));
    if (!isInside) setOpen(false);
  });
}

function toEntry(room: string, isCurrent: boolean): HTMLElement {
  const link = document.createElement('a');
  link.href = toRoomPath(room);
  link.textContent = room;
  if (isCurrent) link.ariaCurrent = 'page';
  const entry = document.createElement('li');
  entry.append(link);
  return entry;
}

function rememberRoom(current: string): readonly string[] {
  const stored: unknown = JSON.parse(localStorage.getItem(storageKey) ?? '[]');
  const known = Array.isArray(stored) ? stored.filter((room) => typeof room === 'string') : [];
  const rooms = [...new Set([current, ...known])].slice(0, maxRooms);
  localStorage.setItem(storageKey, JSON.stringify(rooms));
  return [...new Set([lobby, ...rooms])].toSorted((left, right) => left.localeCompare(right));
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a lone percent sign is a name as well
  }
}
