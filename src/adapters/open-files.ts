import process from 'node:process';

import type { Server } from '../server/index.ts';

/** What is left for files, brokers, and connections that carry no stream. */
const shareOfOpenFiles = 0.95;

/** Tells `server` how many connections this process can hold, where that is known. */
export function assumeOpenFiles(server: Server): void {
  const capacity = connectionsOfProcess();
  if (capacity !== undefined) server.assumeCapacity(capacity);
}

/** How many connections this process can hold by its limit of open files; nothing where the runtime does not tell. */
export function connectionsOfProcess(): number | undefined {
  const openFiles = openFileLimit();
  return openFiles === undefined
    ? undefined
    : Math.max(1, Math.floor(openFiles * shareOfOpenFiles));
}

function openFileLimit(): number | undefined {
  const report: ProcessReportLike | undefined = process.report; // other runtimes have none
  if (typeof report?.getReport !== 'function') return undefined;
  const { excludeNetwork } = report;
  try {
    report.excludeNetwork = true; // a report otherwise looks up the names of all peers
    return readOpenFiles(report.getReport());
  } catch {
    return undefined; // a report is only a way to learn of the limit; there is a default
  } finally {
    report.excludeNetwork = excludeNetwork ?? false;
  }
}

/** `unlimited` is no number to plan with. */
function readOpenFiles({ userLimits }: ReportLike): number | undefined {
  const soft = userLimits?.open_files?.soft;
  return typeof soft === 'number' && soft > 0 ? soft : undefined;
}

interface ProcessReportLike {
  excludeNetwork?: boolean;
  getReport(): ReportLike;
}

interface ReportLike {
  readonly userLimits?: { readonly open_files?: { readonly soft?: unknown } };
}
