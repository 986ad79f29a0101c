import { tabsVersion } from './messages.ts';
import type { WireLike } from './wire.ts';

/** `BroadcastChannel`, or what stands for it. */
export type ChannelConstructor = new (name: string) => WireLike;

/** Where those who share meet, and the lock of the one that leads. Another version is another place. */
export function lobbyName(name: string): string {
  return `millrace/tabs/${tabsVersion}/${encodeURIComponent(name)}`;
}

/** Where one tab talks with its leader. */
export function roomName(name: string, guest: string): string {
  return `${lobbyName(name)}/${guest}`;
}
