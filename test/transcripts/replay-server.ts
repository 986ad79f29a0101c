import { expect, vi } from 'vitest';

import type { Step, Transcript } from './server-transcript.ts';

/** What a server did, as its peer sees it. */
export type Observation =
  | { readonly kind: 'message'; readonly message: unknown }
  | { readonly kind: 'ping' }
  | { readonly kind: 'close'; readonly code: number; readonly reason: string }
  | { readonly kind: 'destroyed' };

/** The client's end of a connection: in memory or real. */
export interface ClientEnd {
  send(frame: string | Uint8Array): void;
  pong(): void;
  close(code: number): void;
  /** The next thing the server did; rejects if nothing comes. */
  next(): Promise<Observation>;
  /** What the server did and nobody took with `next`, once it can do nothing more. */
  rest(): Promise<readonly Observation[]>;
  /** Lets virtual time pass; absent on real sockets. */
  advance?(durationMs: number): Promise<void>;
}

/** What a conversation needs of the application behind the server, which may be in another process. */
export interface ReplayedApp {
  publish(room: string, text: string): Promise<unknown>;
  release(name: 'slow' | 'slowStart'): unknown;
  openSources(): number | Promise<number>;
}

/** Plays the client of `transcript` and compares what the server does. */
export async function replay(
  transcript: Transcript,
  client: ClientEnd,
  app: ReplayedApp,
): Promise<void> {
  for (const step of transcript.steps) await play(step, client, app);
  expect(await client.rest()).toEqual([]);
}

async function play(step: Step, client: ClientEnd, app: ReplayedApp): Promise<void> {
  if ('client' in step) return client.send(JSON.stringify(step.client));
  if ('raw' in step) return client.send(step.raw);
  if ('pong' in step) return client.pong();
  if ('clientCloses' in step) return client.close(step.clientCloses);
  if ('publish' in step) return void (await app.publish(step.to, step.publish));
  if ('afterMs' in step) return client.advance?.(step.afterMs);
  if ('release' in step) {
    await client.rest(); // what waits for the release is waiting by then
    return void (await app.release(step.release));
  }
  return observe(step, client, app);
}

async function observe(step: Step, client: ClientEnd, app: ReplayedApp): Promise<void> {
  if ('server' in step) {
    expect(await client.next()).toEqual({ kind: 'message', message: step.server });
  } else if ('serverInAnyOrder' in step) {
    const expected = step.serverInAnyOrder.map((message) => ({ kind: 'message', message }));
    const observed = [];
    while (observed.length < expected.length) observed.push(await client.next());
    expect(observed).toEqual(expect.arrayContaining(expected));
  } else if ('ping' in step) {
    expect(await client.next()).toEqual({ kind: 'ping' });
  } else if ('close' in step) {
    const reason = step.reason === undefined ? expect.any(String) : step.reason;
    expect(await client.next()).toEqual({ kind: 'close', code: step.close, reason });
  } else if ('destroyed' in step) {
    expect(await client.next()).toEqual({ kind: 'destroyed' });
  } else if ('quiet' in step) {
    expect(await client.rest()).toEqual([]);
  } else if ('openSources' in step) {
    await client.rest();
    // over a real socket the server learns a moment after its client that the connection is gone
    await vi.waitFor(async () => expect(await app.openSources()).toBe(step.openSources));
  }
}
