import type { Stage } from '../stage.ts';

/** Between two resets, at most. */
const pauseMs = 60;

/** So much may pass before a connection is cut, at most: a part of a frame, or some of them. */
const cutBytes = 3_000;

/** Cuts connections of clients one after the other, at any point of whatever is sent. */
export async function resetConnections(stage: Stage, durationMs: number): Promise<void> {
  const { fleet, random } = stage;
  const end = performance.now() + durationMs;
  while (performance.now() < end) {
    const { connections } = fleet.server(stage.randomIndex(3)).proxy;
    const connection = connections[stage.randomIndex(connections.length)];
    const bytes = Math.floor(random() * cutBytes);
    const direction = random() < 0.8 ? 'to-client' : 'to-server';
    if (random() < 0.5) connection?.reset();
    else connection?.resetAfter({ bytes }, direction);
    await stage.pause(random() * pauseMs);
  }
}
