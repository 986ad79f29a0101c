import type { EntryReader } from '../../broker/entry-reader.ts';
import { SourceError } from '../../errors.ts';
import type { ErrorCode } from '../../errors.ts';
import type { Clock } from '../../vocabulary.ts';

/** Between attempts to open a log, for brokers that say at once that they are away. */
const pauseMs = 1_000;

/** Whether events left their log unread, so that reading may go on behind them. */
export function isLoss(error: unknown): boolean {
  return hasCode(error, 'EVENTS_LOST');
}

/** Opens a log as soon as its broker is there; `undefined` if nobody wants it any more. Rejects with what no waiting mends. */
export async function openWhenAvailable(
  open: () => Promise<EntryReader>,
  isWanted: () => boolean,
  clock: Clock,
): Promise<EntryReader | undefined> {
  while (isWanted()) {
    try {
      const reader = await open();
      if (isWanted()) return reader;
      await reader.close();
    } catch (error) {
      if (!hasCode(error, 'BROKER_UNAVAILABLE')) throw error;
      await new Promise<void>((resolve) => {
        clock.schedule(resolve, pauseMs);
      });
    }
  }
  return undefined;
}

function hasCode(error: unknown, code: ErrorCode): boolean {
  return error instanceof SourceError && error.code === code;
}
