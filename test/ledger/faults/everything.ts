import type { Stage } from '../stage.ts';
import { reloadSchemas } from './deployment.ts';
import { loseLinks } from './links.ts';
import { drainServers, freezeServer, killServers } from './processes.ts';
import { slowReaders, stopReaders } from './readers.ts';
import type { Flood } from './readers.ts';
import { cutBackplane, restartBackplane, stallBackplane } from './backplane.ts';
import { resetConnections } from './resets.ts';

type Fault = (stage: Stage) => Promise<void>;

/** Options of {@link everything}. */
export interface EverythingOptions {
  readonly durationMs: number;
  readonly flood: Flood;
}

/** Faults of the network, the processes and the backplane, each of them at random and at the same time as the others. */
export async function everything(
  stage: Stage,
  { durationMs, flood }: EverythingOptions,
): Promise<void> {
  const end = performance.now() + durationMs;
  const network: readonly Fault[] = [
    () => resetConnections(stage, 2_000),
    () => loseLinks(stage, 2_500),
    () => stopReaders(stage, flood),
    () => slowReaders(stage, flood),
  ];
  const processes: readonly Fault[] = [
    killServers,
    drainServers,
    reloadSchemas,
    () => freezeServer(stage, 3_000),
  ];
  const backplane: readonly Fault[] = [
    restartBackplane,
    () => cutBackplane(stage, 2_000),
    () => stallBackplane(stage, 2_000),
  ];
  const oneAfterTheOther = async (faults: readonly Fault[]): Promise<void> => {
    while (performance.now() < end) {
      await stage.pause(stage.random() * 1_000);
      await faults[stage.randomIndex(faults.length)]?.(stage);
    }
  };
  await Promise.all([network, processes, backplane].map(oneAfterTheOther));
}
