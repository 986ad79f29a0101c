import type { Stage } from '../stage.ts';

/** Loses everything on the links to all servers but one, which keeps those who find it. */
export async function loseLinks(stage: Stage, durationMs: number): Promise<void> {
  const { servers } = stage.fleet;
  const lost = servers.length > 1 ? servers.slice(1) : servers;
  for (const { proxy } of lost) proxy.goHalfOpen();
  await stage.pause(durationMs);
  for (const { proxy } of lost) proxy.recover();
}
