import type { OperationState } from 'millrace/client';

import { Account } from './account.ts';
import { Connection } from './connection.ts';
import type { Message } from './connection.ts';
import { ServerList } from './server-list.ts';

const stateTexts = {
  idle: 'Connecting',
  connecting: 'Connecting',
  live: 'Live',
  reconnecting: 'Reconnecting',
  recovered: 'Live, nothing missed',
  gap: 'Live, messages are missing',
  ended: 'Ended, reload the page',
} as const satisfies Record<OperationState, string>;

/** As many as a log keeps. */
const shownMessages = 1_000;

const account = new Account();
const servers = new ServerList(byId('servers', HTMLElement));
const connection = new Connection();
const publisher = `window ${crypto.randomUUID().slice(0, 8)}`;
let returns = 0;

void connection.follow({ onState: showState, onMessage: take });

let shown: OperationState | undefined;

function showState(state: OperationState): void {
  if (state === shown) return;
  shown = state;
  const element = byId('state', HTMLElement);
  element.textContent = stateTexts[state];
  element.dataset['state'] = state;
  if (state === 'recovered' || state === 'gap') returns += 1;
  if (state === 'reconnecting') servers.setServing(undefined);
  showFigures();
}

function take(message: Message): void {
  const novelty = account.take(message);
  servers.take(message);
  byId('messages', HTMLElement).prepend(toElement(message, novelty));
  const list = byId('messages', HTMLElement);
  while (list.childElementCount > shownMessages) list.lastElementChild?.remove();
  showFigures();
}

function showFigures(): void {
  const { received, lost, repeated, late } = account;
  for (const [id, value] of Object.entries({ received, lost, repeated, late, returns })) {
    const element = byId(id, HTMLElement);
    element.textContent = String(value);
    element.parentElement?.toggleAttribute('data-raised', value > 0);
  }
}

function toElement(message: Message, novelty: 'new' | 'repeated'): HTMLElement {
  const element = document.createElement('li');
  element.dataset['novelty'] = novelty;
  element.dataset['id'] = `${message.publisher}/${message.sequence}`;
  const text = document.createElement('span');
  text.className = 'text';
  text.textContent = message.text;
  const way = document.createElement('span');
  way.className = 'way';
  way.textContent = `${message.publishedBy.name} → ${message.deliveredBy.name}`;
  element.append(text, way);
  return element;
}

/** What this window publishes, one after the other. */
let sequence = 0;
let publishing: Promise<unknown> = Promise.resolve();
byId('publish', HTMLFormElement).addEventListener('submit', (event) => {
  event.preventDefault();
  const field = byId('text', HTMLInputElement);
  const text = field.value.trim();
  if (text === '') return;
  field.value = '';
  sequence += 1;
  const message = { publisher, sequence, text };
  publishing = publishing.then(() => publish(message));
});

async function publish(message: Parameters<Connection['publish']>[0]): Promise<void> {
  const sent = byId('sent', HTMLElement);
  sent.textContent = 'Publishing';
  const { name } = await connection.publish(message);
  sent.textContent = `Accepted by ${name}`;
}

function byId<Type extends HTMLElement>(id: string, type: new () => Type): Type {
  const element = document.getElementById(id);
  if (element instanceof type) return element;
  throw new Error(`The page has no ${type.name} with the id ${id}`);
}
