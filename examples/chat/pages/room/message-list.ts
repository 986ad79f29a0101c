import { maxShown } from './message.ts';
import type { Message } from './message.ts';

/** Elements of the page that show the conversation. */
export interface ConversationElements {
  readonly scroller: HTMLElement;
  readonly list: HTMLElement;
  readonly empty: HTMLElement;
  readonly unseen: HTMLButtonElement;
}

/** Closer to the end than this the reader is taken to follow the conversation. */
const followDistancePx = 80;
/** A pause after which the author's name is shown again. */
const pauseMs = 5 * 60_000;

const graphemes = new Intl.Segmenter();
const timeOfDay = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
const dayAndTime = new Intl.DateTimeFormat(undefined, { dateStyle: 'full', timeStyle: 'short' });

/** The messages of one room in the order in which they were sent, each once. */
export class MessageList {
  readonly #elements: ConversationElements;
  readonly #ownName: () => string;
  #messages: readonly Message[] = [];
  #unseenCount = 0;
  /** Behind which messages others are missing, by id. */
  readonly #gaps = new Set<string>();

  constructor(elements: ConversationElements, ownName: () => string) {
    this.#elements = elements;
    this.#ownName = ownName;
    elements.unseen.addEventListener('click', () => this.scrollToEnd());
    elements.scroller.addEventListener('scroll', () => {
      if (this.#isFollowing()) this.#setUnseen(0);
    });
    // The composer grows, a phone's keyboard opens: whoever read the end still wants to.
    new ResizeObserver(() => {
      if (this.#unseenCount === 0) this.scrollToEnd();
    }).observe(elements.scroller);
  }

  add(messages: readonly Message[]): void {
    const known = new Set(this.#messages.map(({ id }) => id));
    const added = messages.filter(({ id }) => !known.has(id));
    const wasFollowing = this.#isFollowing();
    const shown = [...this.#messages, ...added]
      .toSorted((left, right) => left.sentAt.localeCompare(right.sentAt))
      .slice(-maxShown);
    this.#show(shown);
    this.#elements.empty.hidden = shown.length > 0;
    if (added.length === 0) return;
    if (wasFollowing) this.scrollToEnd();
    else this.#setUnseen(this.#unseenCount + added.length);
  }

  /** Adds a history without holes: what is known of it is followed by what it says. */
  fill(history: readonly Message[]): void {
    this.add(history);
    for (const { id } of history) {
      if (!this.#gaps.delete(id)) continue;
      this.#elementOf(id)?.querySelector('.gap')?.remove();
    }
  }

  /** Says behind the newest message that others may be missing there, until a history shows that none is. */
  markGap(): void {
    const id = this.#messages.at(-1)?.id;
    if (id === undefined || this.#gaps.has(id)) return;
    this.#gaps.add(id);
    const wasFollowing = this.#isFollowing();
    this.#elementOf(id)?.append(gapElement());
    if (wasFollowing) this.scrollToEnd();
  }

  /** Draws everything anew: which messages are the reader's own depends on a name that changes. */
  redraw(): void {
    const messages = this.#messages;
    this.#messages = [];
    this.#elements.list.replaceChildren();
    this.#show(messages);
  }

  scrollToEnd(): void {
    const { scroller } = this.#elements;
    scroller.scrollTop = scroller.scrollHeight;
    this.#setUnseen(0);
  }

  /** Removes at the top and appends where that is enough: a screen reader announces the new elements alone. */
  #show(messages: readonly Message[]): void {
    const { list } = this.#elements;
    const leaving = this.#messages.findIndex(({ id }) => id === messages[0]?.id);
    const staying = this.#messages.slice(leaving);
    const isContinuation = leaving !== -1 && staying.every(({ id }, i) => messages[i]?.id === id);
    if (isContinuation) for (let i = 0; i < leaving; i += 1) list.firstElementChild?.remove();
    else list.replaceChildren();
    for (let index = list.childElementCount; index < messages.length; index += 1) {
      const message = messages[index];
      if (message) list.append(this.#toElement(message, messages[index - 1]));
    }
    this.#messages = messages;
  }

  #elementOf(id: string): Element | undefined {
    const index = this.#messages.findIndex((message) => message.id === id);
    return this.#elements.list.children[index];
  }

  #toElement(message: Message, previous: Message | undefined): HTMLElement {
    const item = document.createElement('li');
    item.className = 'message';
    item.classList.toggle('own', message.author === this.#ownName());
    const follows = previous && !this.#gaps.has(previous.id) ? previous : undefined;
    item.classList.toggle('continued', isContinued(message, follows));
    item.style.setProperty('--hue', String(toHue(message.author)));

    const initial = textElement('span', 'avatar', toInitial(message.author));
    initial.ariaHidden = 'true';
    const sentAt = new Date(message.sentAt);
    const time = document.createElement('time');
    time.dateTime = message.sentAt;
    time.title = dayAndTime.format(sentAt);
    time.textContent = timeOfDay.format(sentAt);
    const byline = document.createElement('p');
    byline.className = 'byline';
    byline.append(textElement('span', 'author', message.author), ' ', time);

    item.append(initial, byline, textElement('p', 'text', message.text));
    if (this.#gaps.has(message.id)) item.append(gapElement());
    return item;
  }

  #isFollowing(): boolean {
    const { scrollTop, clientHeight, scrollHeight } = this.#elements.scroller;
    return scrollHeight - scrollTop - clientHeight < followDistancePx;
  }

  #setUnseen(count: number): void {
    const { unseen } = this.#elements;
    this.#unseenCount = count;
    unseen.hidden = count === 0;
    unseen.textContent = count === 1 ? '1 new message' : `${count} new messages`;
  }
}

function isContinued(message: Message, previous: Message | undefined): boolean {
  if (previous?.author !== message.author) return false;
  return Date.parse(message.sentAt) - Date.parse(previous.sentAt) < pauseMs;
}

function gapElement(): HTMLElement {
  return textElement('p', 'gap', 'Messages may be missing here');
}

function textElement(tag: 'p' | 'span', className: string, text: string): HTMLElement {
  const element = document.createElement(tag);
  element.className = className;
  element.textContent = text;
  return element;
}

function toInitial(name: string): string {
  const [first] = graphemes.segment(name);
  return first?.segment.toUpperCase() ?? '?';
}

/** The same colour for the same name on every screen. */
function toHue(name: string): number {
  let hash = 7;
  for (const character of name) hash = (hash * 31 + (character.codePointAt(0) ?? 0)) % 9973;
  return (hash * 47) % 360;
}
