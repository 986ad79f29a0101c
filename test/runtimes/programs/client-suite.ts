import type { ClientReport } from '../support/client-commands.ts';
import { createContext } from './client-case.ts';
import type { ClientCase, ContextSettings } from './client-case.ts';
import { resultCases } from './client-results.ts';
import { socketCases } from './client-sockets.ts';
import { transportCases } from './client-transports.ts';
import { wrapperCases } from './client-wrappers.ts';

/** What the client has to do in every runtime. */
export const clientCases: readonly ClientCase[] = [
  ...transportCases,
  ...socketCases,
  ...resultCases,
  ...wrapperCases,
];

/** How long a case may take, in milliseconds. */
const patienceMs = 15_000;

/** Runs all cases, one after the other, and tells the server what came of each. Never rejects for a case that fails. */
export async function runClientSuite(settings: ContextSettings): Promise<void> {
  const tell = (report: ClientReport): Promise<unknown> =>
    fetch(`${settings.origin}/report`, { method: 'POST', body: JSON.stringify(report) }).then(
      (answer) => answer.text(),
    );
  for (const { name, run } of clientCases) {
    const startedAt = Date.now();
    const outcome = await outcomeOf(run, settings);
    await tell({ kind: 'case', name, ...outcome, tookMs: Date.now() - startedAt });
  }
  await tell({ kind: 'end' });
}

async function outcomeOf(
  run: ClientCase['run'],
  settings: ContextSettings,
): Promise<{ mark: string; error?: string }> {
  const { context, close } = createContext(settings);
  let timer: unknown;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('took too long')), patienceMs);
  });
  try {
    const mark = await Promise.race([run(context), late]);
    close();
    await Promise.race([Promise.all([context.sources(0), context.connections(0)]), late]);
    return { mark: mark ?? 'yes' };
  } catch (error) {
    close();
    const { message, stack = message } = error as Error; // nothing else is thrown here
    return { mark: 'fails', error: `${message}\n${stack}` };
  } finally {
    clearTimeout(timer as ReturnType<typeof setTimeout>); // `unknown` only because browsers' timers are numbers
  }
}
