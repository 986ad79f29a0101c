const storageKey = 'millrace-chat-name';

const adjectives = ['Calm', 'Brisk', 'Amber', 'Quiet', 'Sunny', 'Clever', 'Misty', 'Bold'];
const animals = ['Otter', 'Heron', 'Trout', 'Beaver', 'Kingfisher', 'Newt', 'Dipper', 'Vole'];

/** The name in this window; a second window gets one of its own, so that two can talk. */
export function loadName(): string {
  return sessionStorage.getItem(storageKey) ?? `${pick(adjectives)} ${pick(animals)}`;
}

/** Keeps the name while the window lives. */
export function saveName(name: string): void {
  sessionStorage.setItem(storageKey, name);
}

function pick(words: readonly string[]): string {
  return words[Math.floor(Math.random() * words.length)] ?? 'Guest';
}
