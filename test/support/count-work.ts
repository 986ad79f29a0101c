import { Session } from 'node:inspector/promises';

/** Never ended: coverage, where it is measured, is counted by the same counters. */
let counting: Promise<Session> | undefined;

async function startCounting(): Promise<Session> {
  const session = new Session();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
  return session;
}

/** How many blocks of code (bodies of functions, loops and branches) in files below `folder` run while `act` does. */
export async function countWork(folder: string, act: () => Promise<unknown>): Promise<number> {
  counting ??= startCounting();
  const session = await counting;
  await session.post('Profiler.takePreciseCoverage'); // counts from here
  await act();
  const { result } = await session.post('Profiler.takePreciseCoverage');
  return result
    .filter(({ url }) => url.includes(folder))
    .flatMap(({ functions }) => functions)
    .flatMap(({ ranges }) => ranges)
    .reduce((sum, { count }) => sum + count, 0);
}
