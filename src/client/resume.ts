import type { FormattedError, OperationRequest } from '../vocabulary.ts';
import type { Resume, Resumption } from './resumption.ts';

export type { Resume, Resumption } from './resumption.ts';

/**
 * Keeps tokens for longer than an operation lives: `localStorage` with three names changed, or a `Map`.
 *
 * @remarks
 * If a method throws, the operation goes on without it.
 */
export interface TokenStore {
  get(key: string): string | null | undefined;
  set(key: string, token: string): unknown;
  delete(key: string): unknown;
}

/** Events are missing that are not going to be delivered. */
export interface Gap {
  /** What the operation asked for. */
  readonly request: OperationRequest;
  /** As the server says it; of Millrace's `RESUME_GAP`, `RESUME_EXPIRED`, `RESUME_INVALID`, and `EVENTS_DROPPED` for a client that reads too slowly. */
  readonly reason?: string;
  /** The missing events, where the server knows how many they are and where they stand. */
  readonly missing?: MissingEvents;
}

/** A range of events that were left out. */
export interface MissingEvents {
  /** Token of the first one. */
  readonly from: string;
  /** Token of the last one. */
  readonly until: string;
  readonly events: number;
}

/** Options of {@link resumable}. */
export interface ResumeOptions {
  /** Keeps tokens beyond an operation, and perhaps beyond the program. Needs `key`. @defaultValue each operation remembers its own */
  readonly store?: TokenStore;
  /** Names an operation in the store; no two that run may have the same name. `undefined`: the operation is not stored. */
  readonly key?: (request: OperationRequest) => string | undefined;
  /**
   * What happens when events are missing: the server ends the operation with an error (`fail`), or it goes on and the function is called, each time, before the next result is
   * handed on, for a query that catches up. Without it only the status of the operation says so. Events that the server drops because they are read too slowly are announced
   * under `fail`, too: only the status says so then.
   */
  readonly onGap?: 'fail' | ((gap: Gap) => unknown);
}

/** The memory for events that may come again. */
const rememberedEvents = 256;

/** Lets subscriptions go on after a lost connection where their results stopped, with servers that can; for `createClient({ resume })`. */
export function resumable(options: ResumeOptions = {}): Resume {
  return (request) => createResumption(request, options);
}

function createResumption(
  request: OperationRequest,
  { store, key, onGap }: ResumeOptions,
): Resumption {
  const name = attempt(() => key?.(request));
  // Of the last result that was handed on. Kept after a gap, too: if nothing follows that, the server shall say it again.
  let token = attempt(() => name && store?.get(name));
  let isReported = false;
  /** What was said with an event whose last part is missing. */
  let begun: Report | undefined;
  const seen = new Set<unknown>();

  const keep = (next?: string): void => {
    token = next;
    attempt(() => name && (next ? store?.set(name, next) : store?.delete(name)));
  };

  /** Whether an event came before; if not, it did now, with its last part. */
  const hasSeen = (report: Report, hasNext?: boolean): boolean => {
    const event = report.position ?? report.token;
    if (event === undefined || seen.has(event)) return event !== undefined;
    if (!hasNext && seen.add(event).size > rememberedEvents)
      seen.delete(seen.values().next().value);
    return false;
  };

  /** What the server says, with this part of an event or one before it. */
  const takeReport = (said: unknown, hasNext?: boolean): Report | undefined => {
    const report: Report | undefined = (said || hasNext === undefined ? said : begun) || undefined;
    begun = hasNext ? report : undefined;
    return report;
  };

  /** Some servers say the same with every result: after the first report only one that stands alone is another one. */
  const takeOutcome = (report: Report, isEvent: boolean): Received => {
    const outcome = isReported && isEvent ? undefined : toOutcome(report);
    if (!outcome) return {};
    isReported = true;
    if (outcome === 'gap' && typeof onGap === 'function') void tell(onGap, request, report);
    return { outcome };
  };

  return {
    toRequest(again) {
      isReported = false;
      begun = undefined;
      const resume = { ...(token && { token }), ...(onGap === 'fail' && { onGap }) };
      return { ...again, extensions: { ...again.extensions, resume } };
    },
    receive(result) {
      // whatever a server has for errors
      if (attempt(() => result.errors?.some(isRefusal))) keep();
      const { extensions, ...event } = result;
      const { resume, ...others } = extensions ?? {};
      const { hasNext } = event;
      const report = takeReport(resume, hasNext);
      if (!report) return { result };
      const isEvent = hasMembers(event);
      const received = takeOutcome(report, isEvent);
      if (isEvent && hasSeen(report, hasNext)) return received;
      if (report.token && !hasNext) keep(report.token);
      if (hasMembers(others)) return { ...received, result: { ...event, extensions: others } };
      return isEvent ? { ...received, result: event } : received;
    },
  };
}

type Received = ReturnType<Resumption['receive']>;

/** What a server says in `extensions.resume`. */
interface Report {
  /** Only ever given back to the server. */
  readonly token?: string;
  /** Only ever compared. */
  readonly position?: string;
  readonly recovered?: boolean;
  readonly status?: string;
  readonly reason?: string;
  readonly missing?: MissingEvents;
}

/** Never rejects: what `onGap` throws, or rejects with, ends nothing. */
async function tell(
  onGap: (gap: Gap) => unknown,
  request: OperationRequest,
  { reason, missing }: Report,
): Promise<void> {
  try {
    await onGap({ request, ...(reason && { reason }), ...(missing && { missing }) });
  } catch {
    // the next result shall not wait for it, nor know of it
  }
}

function toOutcome({ recovered, status }: Report): Received['outcome'] {
  if (recovered === true || status === 'recovered') return 'recovered';
  return recovered === false || status === 'gap' ? 'gap' : undefined;
}

/** The server would not go on from the token, so nobody shall ask it to again. */
function isRefusal({ extensions }: FormattedError): boolean {
  return String(extensions?.['code']).startsWith('RESUME_');
}

function hasMembers(value: object): boolean {
  return Object.keys(value).length > 0;
}

/** What is only there to help does not end an operation. */
function attempt<Value>(use: () => Value): Value | undefined {
  try {
    return use();
  } catch {
    return undefined;
  }
}
